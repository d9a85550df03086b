//! Secrets: made where there is none, and changed only where keys, logins and certificates take turns.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tracklore_seal::Secrets;

use super::{Applier, Error, Obstacle, Outcome, refusal};
use crate::stack::{
    build,
    certificates::{self, Certificate},
    component::MANAGER,
    generate::{self, Authority},
    logins::{self, Due, MADE, Turn},
    observe::secret_seen,
    observed::{Observed, Owner, SecretSeen},
    plan::{GeneratedSecret, Origin, Recipe, Restored},
    rotation,
};

/// What a Secret holds, or a sentence that says why it can't be had.
type Content = Result<BTreeMap<String, String>, String>;

/// What is written of a Secret.
enum Change {
    /// It is made.
    Made(BTreeMap<String, String>),
    /// Keys of it come and go: a merge patch.
    Successors(Value),
    /// Whether it goes with the stack. The deletion policy has changed, or it was left by an earlier stack.
    Owners,
}

impl Applier<'_> {
    pub(super) async fn secret(
        &self,
        secret: &GeneratedSecret,
        owned: bool,
        observed: &Observed,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let label = format!("Secret/{}", secret.name);
        let change = match self.change(secret, owned, observed).await? {
            Ok(Some(change)) => change,
            Ok(None) => return Ok(()),
            Err(obstacle) => {
                if obstacle == Obstacle::Leaving {
                    self.secrets.forget(self.uid);
                }
                outcome.obstacles.push((label, obstacle));
                return Ok(());
            }
        };
        outcome.secrets_made |= match &change {
            Change::Made(_) => true,
            // pods see other keys that sign by themselves
            Change::Successors(_) => !matches!(secret.recipe, Recipe::SigningKeys(_)),
            Change::Owners => false,
        };
        match self.write(secret, owned, change).await {
            Ok(stored) => {
                let seen = secret_seen(&stored, self.names, self.uid);
                self.secrets.put(self.uid, &secret.name, &seen);
            }
            // It was there, or somebody else made it in the meantime: the next pass looks whose it is.
            Err(kube::Error::Api(status)) if status.is_already_exists() => self.secrets.forget(self.uid),
            Err(error) => match refusal(&error) {
                Some(obstacle) => outcome.obstacles.push((label, obstacle)),
                None => return Err(Error::Api { child: label, source: Box::new(error) }),
            },
        }
        Ok(())
    }

    /// What is to be written of a Secret now, or what stands in its way.
    async fn change(
        &self,
        secret: &GeneratedSecret,
        owned: bool,
        observed: &Observed,
    ) -> Result<Result<Option<Change>, Obstacle>, Error> {
        let authority = observed.secrets.get(&build::authority_secret(self.names));
        if secret.recipe.is_signed() && authority.is_some_and(|authority| authority.owner != Owner::Us) {
            // what stands in the way of the authority is said of it
            return Ok(Ok(None));
        }
        let authority = authority.and_then(|secret| secret.certificate.as_ref());
        let second = |of: &String| observed.secrets.get(of)?.login(Turn::Second).map(|login| login.made);
        let change = match observed.secrets.get(&secret.name) {
            Some(seen) if seen.owner == Owner::Foreign => return Ok(Err(Obstacle::Foreign)),
            Some(seen) if seen.owner == Owner::Leaving => return Ok(Err(Obstacle::Leaving)),
            Some(seen) if seen.owners.contains(self.uid) != owned => Ok(Some(Change::Owners)),
            Some(seen) => match &secret.origin {
                Origin::Second { of } => match (second(of), seen.login(Turn::First)) {
                    (Some(made), there) if there.is_none_or(|there| there.made != made) => {
                        let content = self.second_login(of).await?;
                        content.map(|content| Some(Change::Successors(json!({"stringData": content}))))
                    }
                    _ => Ok(None),
                },
                Origin::New | Origin::Copy(_) => {
                    self.successors(secret, seen, authority).await?.map(|patch| patch.map(Change::Successors))
                }
            },
            None => match &secret.origin {
                Origin::New => {
                    self.made(&secret.recipe, None).await?.map(|content| Some(Change::Made(content)))
                }
                Origin::Second { of } => {
                    self.second_login(of).await?.map(|content| Some(Change::Made(content)))
                }
                Origin::Copy(None) => Ok(None),
                Origin::Copy(Some(restored)) => {
                    self.restored(restored).await?.map(|content| Some(Change::Made(content)))
                }
            },
        };
        Ok(change.map_err(Obstacle::Refused))
    }

    /// Writes it: the Secret as it is then.
    async fn write(
        &self,
        secret: &GeneratedSecret,
        owned: bool,
        change: Change,
    ) -> Result<Secret, kube::Error> {
        let api = self.secrets_api();
        let owners = if owned { vec![self.owner.clone()] } else { Vec::new() };
        let patch = match change {
            Change::Owners => json!({"metadata": {"ownerReferences": owners}}),
            Change::Successors(patch) => {
                // whatever becomes of it, what is known is of before
                self.secrets.forget(self.uid);
                tracing::info!(name = secret.name, "secrets are rotated: new ones come, or old ones go");
                patch
            }
            Change::Made(content) => {
                let object = Secret {
                    metadata: ObjectMeta {
                        name: Some(secret.name.clone()),
                        labels: Some(secret.labels(self.names)),
                        owner_references: (!owners.is_empty()).then_some(owners),
                        ..ObjectMeta::default()
                    },
                    type_: Some("Opaque".into()),
                    string_data: Some(content),
                    ..Secret::default()
                };
                let params = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
                return api.create(&params, &object).await;
            }
        };
        api.patch(&secret.name, &PatchParams::default(), &Patch::Merge(patch)).await
    }

    /// What changes about a Secret now: others come, or those before them go. No key and no login is overwritten.
    async fn successors(
        &self,
        secret: &GeneratedSecret,
        seen: &SecretSeen,
        authority: Option<&Certificate>,
    ) -> Result<Result<Option<Value>, String>, Error> {
        let now = Timestamp::now();
        let (new, gone) = match (&secret.recipe, &secret.replacement) {
            (Recipe::SigningKeys(rule), _) => {
                let due = rotation::due(&seen.keys, rule, now);
                let made =
                    due.successor.then(|| generate::generate(&secret.recipe, None, now)).transpose()?;
                (made.unwrap_or_default(), due.retired)
            }
            (recipe, Some(replacement)) => match logins::due(&seen.logins, replacement, now) {
                Some(Due::Successor(turn)) => {
                    (generate::successor(recipe, &replacement.second, turn, now)?, Vec::new())
                }
                Some(Due::Retired(turn)) => (BTreeMap::new(), logins::keys(turn).collect()),
                None => return Ok(Ok(None)),
            },
            (Recipe::Authority { .. }, None) if authority.is_none() => {
                return Ok(Err(
                    "it holds no key and certificate that could sign others; delete it, and another \
                               one is made"
                        .to_owned(),
                ));
            }
            (recipe, None) => {
                if !certificates::is_due(recipe, seen.certificate.as_ref(), authority, now) {
                    return Ok(Ok(None));
                }
                match self.made(recipe, authority).await? {
                    Ok(content) => (content, Vec::new()),
                    Err(sentence) => return Ok(Err(sentence)),
                }
            }
        };
        let gone: BTreeMap<_, _> = gone.into_iter().map(|key| (key, Value::Null)).collect();
        Ok(Ok((!new.is_empty() || !gone.is_empty()).then(|| json!({"data": gone, "stringData": new}))))
    }

    /// What a recipe makes; that of an authority which is there, its next certificate.
    async fn made(&self, recipe: &Recipe, seen: Option<&Certificate>) -> Result<Content, Error> {
        let renews = matches!(recipe, Recipe::Authority { .. }) && seen.is_some();
        let mut authority = None;
        if recipe.is_signed() || renews {
            match self.authority().await? {
                Ok(read) => authority = Some(read),
                Err(sentence) => return Ok(Err(sentence)),
            }
        }
        Ok(Ok(generate::generate(recipe, authority, Timestamp::now())?))
    }

    /// Who signs the stack's certificates. Its key isn't kept for longer than a pass.
    async fn authority(&self) -> Result<Result<&Authority, String>, Error> {
        if let Some(authority) = self.authority.get() {
            return Ok(Ok(authority));
        }
        let name = build::authority_secret(self.names);
        Ok(match Authority::of(&self.content(&name).await?) {
            Ok(read) => Ok(self.authority.get_or_init(|| read)),
            Err(error) => Err(format!("Secret {name} holds nothing that could sign it: {error}")),
        })
    }

    /// What a copy says of a Secret, or a sentence where it says nothing.
    async fn restored(&self, restored: &Restored) -> Result<Content, Error> {
        let Restored { seal, name, key_secret } = restored;
        let key = self.content(key_secret).await?.remove("key").unwrap_or_default();
        Ok(match Secrets::open(&key, seal) {
            Ok(Secrets(mut all)) => all.remove(name).ok_or_else(|| format!("the copy holds no {name}")),
            Err(error) => Err(format!("restore.keySecretRef names Secret {key_secret}: {error}")),
        })
    }

    /// The second login that a Secret holds, under the keys of a first one.
    async fn second_login(&self, of: &str) -> Result<Content, Error> {
        let mut content = self.content(of).await?;
        let part = |part: &str| {
            let value = content.remove(&Turn::Second.name(part));
            value
                .map(|value| (part.to_owned(), value))
                .ok_or_else(|| format!("Secret {of} holds no second {part}"))
        };
        Ok(["username", "password", MADE].into_iter().map(part).collect())
    }

    /// The texts in a Secret; none where it isn't there.
    async fn content(&self, name: &str) -> Result<BTreeMap<String, String>, Error> {
        let failed = |error| Error::Api { child: format!("Secret/{name}"), source: Box::new(error) };
        let data = self.secrets_api().get_opt(name).await.map_err(failed)?.and_then(|secret| secret.data);
        let text = |(key, ByteString(bytes))| Some((key, String::from_utf8(bytes).ok()?));
        Ok(data.into_iter().flatten().filter_map(text).collect())
    }

    fn secrets_api(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.names.namespace)
    }
}
