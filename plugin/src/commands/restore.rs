//! `restore`: the copies that there are of a stack, and a new stack that begins with one.

use std::{io::Write, path::PathBuf, process::ExitCode};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams, ValidationDirective},
};
use serde_json::Value;
use tracklore_operator::{
    api::v1alpha1::TrackloreStack,
    stack::component::{INSTANCE, MANAGED_BY, MANAGER},
};

use super::{Format, Output, status};
use crate::{
    Error,
    copies::{self, Copy, LATEST},
    file, manifests,
    origin::{Former, Origin, Place},
    restored::Model,
    target::{self, Target, Which},
    terminal::{Terminal, WIDTH, ago, wrap},
};

/// Options of `restore`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The stack that copies are of; it may be gone. Where a namespace has one, it may be left out
    #[arg(value_name = "STACK")]
    former: Option<String>,
    /// Make a stack of this name that begins with a copy; without it, copies are listed
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// The copy it begins with, as they are listed
    #[arg(long, requires = "name", default_value = LATEST)]
    copy: String,
    /// The namespace that the stack was in; the one that the new stack is made in when left out
    #[arg(long, value_name = "NAMESPACE")]
    from_namespace: Option<String>,
    #[command(flatten)]
    place: Place,
    /// What the new stack is like; like the old one when left out. - is standard input
    #[arg(long, short, value_name = "FILE")]
    filename: Option<PathBuf>,
    /// Print the manifest of the new stack, and make nothing
    #[arg(long, requires = "name")]
    dry_run: bool,
    /// Tell how the new stack gets on until it serves (0) or can't go on (1)
    #[arg(long, requires = "name", default_value_t = true, action = clap::ArgAction::Set, value_name = "true|false")]
    wait: bool,
    #[command(flatten)]
    output: Output,
}

/// What is asked for, put together.
struct Request<'a> {
    client: Client,
    /// Where the new stack is made, and where Secrets and claim are.
    namespace: String,
    former: Former,
    origin: Origin,
    model: Option<Model>,
    format: Format,
    terminal: &'a Terminal,
}

/// Lists copies, or makes a stack that begins with one.
pub async fn run(which: &Which, arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode, Error> {
    let (client, namespace) = which.connect().await?;
    let read = |path| file::stack(path, which.namespace(), &namespace);
    let manifest = arguments.filename.as_deref().map(read).transpose()?;
    let namespace = manifest.as_ref().and_then(ResourceExt::namespace).unwrap_or(namespace);
    let before = arguments.from_namespace.as_ref().unwrap_or(&namespace).clone();
    let given = arguments.former.as_deref().or(which.stack()).map(str::to_owned);
    let name = match given.or_else(|| manifest.as_ref().map(ResourceExt::name_any)) {
        Some(name) => name,
        None => only(&client, &before).await?,
    };
    let former = Former::find(&client, before, name).await?;
    let origin = Origin::of(&former, manifest.as_ref(), &arguments.place)?;
    let model = Model::of(manifest.as_ref(), &former)?;
    let format = arguments.output.format();
    let request = Request { client, namespace, former, origin, model, format, terminal };
    match &arguments.name {
        None => request.list().await,
        Some(name) => Box::pin(request.make(name, arguments)).await,
    }
}

/// The one stack of a namespace.
async fn only(client: &Client, namespace: &str) -> Result<String, Error> {
    let stacks = Api::<TrackloreStack>::namespaced(client.clone(), namespace);
    let only = target::only(stacks.list(&ListParams::default()).await?.items, namespace)?;
    only.as_ref().map(ResourceExt::name_any).ok_or_else(|| {
        Error::Which(format!(
            "there is no stack in namespace {namespace}; name the one that copies are of: kubectl tracklore restore NAME"
        ))
    })
}

impl Request<'_> {
    async fn list(self) -> Result<ExitCode, Error> {
        let copies = self.copies().await?;
        match self.format {
            Format::Json => super::json(&copies)?,
            Format::Text => {
                let told =
                    copies::text(&copies, &self.former, &self.origin, Timestamp::now(), *self.terminal);
                write!(std::io::stdout().lock(), "{told}")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn copies(&self) -> Result<Vec<Copy>, Error> {
        let spec = self.model.as_ref().map(|model| model.spec.clone());
        copies::list(&self.client, &self.namespace, &self.former, &self.origin, spec).await
    }

    /// Makes the stack. Which copy `latest` is gets decided here: another one may be kept before it has all come back.
    async fn make(self, name: &str, arguments: &Arguments) -> Result<ExitCode, Error> {
        self.origin.key()?;
        self.is_free(name).await?;
        let model = self.model.as_ref().ok_or_else(|| Error::Refused(format!(
            "stack {} is gone, so a new one can't be made like it; give a manifest by -f: copies hold data, not manifests",
            self.former.folder()
        )))?;
        if arguments.dry_run {
            return self.print(&self.manifest(model, name, &arguments.copy)?);
        }
        if let Some(sentence) = model.clash(&self.former) {
            return Err(Error::Refused(sentence));
        }
        let copies = self.copies().await?;
        let copy = copies::choose(&copies, &arguments.copy, &self.former, &self.origin)?;
        let manifest = self.manifest(model, name, &copy.name)?;
        let stack = self.apply(name, &manifest).await?;
        if self.format == Format::Text {
            let age = ago(Timestamp::now(), copy.begun);
            let told = format!("{name} begins with copy {copy} of {}, made {age} ago.", self.former.folder());
            writeln!(std::io::stdout(), "{}", wrap(&told, "", WIDTH))?;
        }
        if !arguments.wait {
            if self.format == Format::Json {
                super::json(&stack)?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let target = Target { client: self.client.clone(), stack: Box::new(stack), named: true };
        let code = status::watch(target, self.format, self.terminal).await?;
        self.remind(name)?;
        Ok(code)
    }

    fn manifest(&self, model: &Model, name: &str, copy: &str) -> Result<Value, Error> {
        model.begin((&self.namespace, name), &self.former, &self.origin, copy)
    }

    fn print(&self, manifest: &Value) -> Result<ExitCode, Error> {
        match self.format {
            Format::Json => super::json(manifest)?,
            Format::Text => write!(std::io::stdout().lock(), "{}", manifests::yaml(manifest)?)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// A copy is brought back into nothing: neither into a stack, nor into what one has left.
    async fn is_free(&self, name: &str) -> Result<(), Error> {
        let namespace = &self.namespace;
        let stacks = Api::<TrackloreStack>::namespaced(self.client.clone(), namespace);
        if stacks.get_opt(name).await?.is_some() {
            return Err(Error::Refused(format!(
                "there is a stack {name} in namespace {namespace} already, and a copy never takes the place of what a stack holds; choose another name by --as"
            )));
        }
        let claims = Api::<PersistentVolumeClaim>::namespaced(self.client.clone(), namespace);
        let selector = format!("{INSTANCE}={name},{MANAGED_BY}={MANAGER}");
        if !claims.list(&ListParams::default().labels(&selector)).await?.items.is_empty() {
            return Err(Error::Refused(format!(
                "an earlier stack {name} has left its data in namespace {namespace}, and a copy never takes the place of that; choose another name by --as, \
                 or remove what is left, if you are sure: kubectl -n {namespace} delete pvc,secret -l {selector}"
            )));
        }
        Ok(())
    }

    /// As `kubectl apply --server-side` would: what is applied by that later takes the stack over, and what it leaves out goes.
    async fn apply(&self, name: &str, manifest: &Value) -> Result<TrackloreStack, Error> {
        let stacks = Api::<TrackloreStack>::namespaced(self.client.clone(), &self.namespace);
        let parameters = PatchParams {
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::apply("kubectl")
        };
        Ok(stacks.patch(name, &parameters, &Patch::Apply(manifest)).await?)
    }

    /// Two stacks that began as one go their own ways.
    fn remind(&self, name: &str) -> Result<(), Error> {
        if self.former.spec.is_none() || self.format == Format::Json {
            return Ok(());
        }
        let told = format!(
            "{} is still there: what is written to it from now on isn't in {name}. Once people use {name}, delete or suspend it.",
            self.former.folder()
        );
        writeln!(std::io::stdout(), "\n{}", wrap(&told, "", WIDTH))?;
        Ok(())
    }
}
