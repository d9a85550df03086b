//! The parts of a stack, and what their children are called.

use std::collections::BTreeMap;

/// One of the four services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Accounts, sessions and tokens.
    Auth,
    /// Profiles and what belongs to people.
    User,
    /// Posts.
    Posts,
    /// The read side.
    Feed,
}

impl Service {
    /// All of them: each before those that read its events.
    pub const ALL: [Self; 4] = [Self::Auth, Self::User, Self::Posts, Self::Feed];
    /// Those with a database.
    pub const WITH_DATABASE: [Self; 3] = [Self::Auth, Self::User, Self::Posts];
    /// Those that call other services, and so have a client id and secret.
    pub const CLIENTS: [Self; 2] = [Self::User, Self::Feed];

    /// The name, as it stands in Kubernetes, Kafka and Postgres.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::User => "user",
            Self::Posts => "posts",
            Self::Feed => "feed",
        }
    }

    /// How variables of scripts begin that are about it.
    pub fn capitals(self) -> String {
        self.as_str().to_uppercase()
    }

    /// Whether it has a database of its own.
    pub fn has_database(self) -> bool {
        !matches!(self, Self::Feed)
    }
}

/// A value for each service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PerService<T> {
    /// For auth.
    pub auth: T,
    /// For user.
    pub user: T,
    /// For posts.
    pub posts: T,
    /// For feed.
    pub feed: T,
}

impl<T> PerService<T> {
    /// A value made for each service.
    pub fn from_fn(make: impl Fn(Service) -> T) -> Self {
        Self {
            auth: make(Service::Auth),
            user: make(Service::User),
            posts: make(Service::Posts),
            feed: make(Service::Feed),
        }
    }

    /// The value of one.
    pub fn get(&self, service: Service) -> &T {
        match service {
            Service::Auth => &self.auth,
            Service::User => &self.user,
            Service::Posts => &self.posts,
            Service::Feed => &self.feed,
        }
    }
}

/// A part of a stack: what the label `app.kubernetes.io/component` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// A service.
    Service(Service),
    /// The database.
    Postgres,
    /// The event log.
    Kafka,
    /// The feed store.
    Redis,
    /// The gateway.
    Gateway,
    /// Copies of the databases.
    Backup,
}

impl Component {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service(service) => service.as_str(),
            Self::Postgres => "postgres",
            Self::Kafka => "kafka",
            Self::Redis => "redis",
            Self::Gateway => "gateway",
            Self::Backup => "backup",
        }
    }
}

/// The value of `app.kubernetes.io/managed-by`, and the field manager.
pub const MANAGER: &str = "tracklore-operator";
/// The label that says who manages an object; watches select by it.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The label that names the component, or what a Job is for.
pub const NAME: &str = "app.kubernetes.io/name";
/// The label that names the whole that something is a part of.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// Its value.
pub const TRACKLORE: &str = "tracklore";
/// The label that names the stack.
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// The annotation of a Deployment that names the image that it was given. What it has may be another one: clusters may put a
/// mirror's name in its place.
pub const IMAGE: &str = "tracklore.io/image";

/// Names and labels of a stack's children.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Names {
    /// Name of the stack.
    pub stack: String,
    /// Its namespace.
    pub namespace: String,
}

impl Names {
    /// `<stack>-<suffix>`.
    pub fn child(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.stack)
    }

    /// The main child of a component.
    pub fn of(&self, component: Component) -> String {
        self.child(component.as_str())
    }

    /// The address of a child's Service, complete enough for clients in other namespaces.
    pub fn host(&self, suffix: &str) -> String {
        format!("{}.{}.svc", self.child(suffix), self.namespace)
    }

    /// The name of a Job. Where a long stack name leaves too little room it is cut; the hash still tells stacks apart.
    pub fn job(&self, purpose: &str, hash: &str) -> String {
        const LONGEST: usize = 63;
        let tail = format!("-{purpose}-{hash}");
        let room = LONGEST.saturating_sub(tail.len());
        let head: String = self.stack.chars().take(room).collect();
        format!("{}{tail}", head.trim_end_matches('-'))
    }

    /// Whether a Job of this name has this purpose.
    pub fn is_job(&self, name: &str, purpose: &str) -> bool {
        name.rsplit_once('-').is_some_and(|(_, hash)| self.job(purpose, hash) == name)
    }

    /// What a Service or workload selects its pods by. It can never change.
    pub fn selector(&self, component: Component) -> BTreeMap<String, String> {
        BTreeMap::from([
            (NAME.to_owned(), component.as_str().to_owned()),
            (INSTANCE.to_owned(), self.stack.clone()),
        ])
    }

    /// The labels of what belongs to a stack and to none of its components.
    pub fn stack_labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (INSTANCE.to_owned(), self.stack.clone()),
            (MANAGED_BY.to_owned(), MANAGER.to_owned()),
            (PART_OF.to_owned(), TRACKLORE.to_owned()),
        ])
    }

    /// The labels of everything that belongs to a component.
    pub fn labels(&self, component: Component) -> BTreeMap<String, String> {
        let mut labels = self.selector(component);
        labels.extend(self.stack_labels());
        labels.insert("app.kubernetes.io/component".to_owned(), component.as_str().to_owned());
        labels
    }

    /// The labels of a Job's pods: not those that a Service selects by.
    pub fn job_labels(&self, component: Component, purpose: &str) -> BTreeMap<String, String> {
        let mut labels = self.labels(component);
        labels.insert(NAME.to_owned(), purpose.to_owned());
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_names_fit_whatever_the_stack_is_called() {
        let names = Names { stack: "a".repeat(40), namespace: "n".into() };
        let name = names.job("postgres-provision", "1a2b3c4d");
        assert_eq!(name.len(), 63);
        assert!(name.ends_with("-postgres-provision-1a2b3c4d"));
        assert!(names.is_job(&name, "postgres-provision") && !names.is_job(&name, "postgres"));
    }
}
