//! Which stack a command is about.

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Config, Resource, ResourceExt,
    api::ListParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use tracklore_operator::{
    api::v1alpha1::TrackloreStack,
    stack::{
        component::{INSTANCE, Names},
        validate,
    },
};

use crate::Error;

/// The stack, as named on the command line.
#[derive(clap::Args)]
pub struct Which {
    /// The stack; may be left out where a namespace has one
    #[arg(long, short = 's', global = true, value_name = "NAME")]
    stack: Option<String>,
    /// Its namespace; the one of the kubeconfig when left out
    #[arg(long, short, global = true)]
    namespace: Option<String>,
    /// A context of the kubeconfig
    #[arg(long, global = true)]
    context: Option<String>,
}

/// A stack that is there.
pub struct Target {
    /// The connection.
    pub client: Client,
    /// The stack.
    pub stack: Box<TrackloreStack>,
    /// Whether the command line says which one it is.
    pub named: bool,
}

impl Which {
    /// No stack in particular.
    pub fn within(namespace: Option<String>, context: Option<String>) -> Self {
        Self { stack: None, namespace, context }
    }

    /// The namespace, where one is named.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The stack, where one is named.
    pub fn stack(&self) -> Option<&str> {
        self.stack.as_deref()
    }

    /// Connects; the client, and the namespace that is named or else the kubeconfig's.
    pub async fn connect(&self) -> Result<(Client, String), Error> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let config = Config::from_custom_kubeconfig(Kubeconfig::read()?, &options).await?;
        let namespace = self.namespace().unwrap_or(&config.default_namespace).to_owned();
        Ok((Client::try_from(config)?, namespace))
    }
}

impl Target {
    /// Connects and finds the stack.
    pub async fn find(which: &Which) -> Result<Self, Error> {
        let (client, namespace) = which.connect().await?;
        let stacks = Api::<TrackloreStack>::namespaced(client.clone(), &namespace);
        let stack = match &which.stack {
            Some(name) => stacks.get_opt(name).await?,
            None => only(stacks.list(&ListParams::default()).await?.items, &namespace)?,
        };
        let stack = stack.ok_or_else(|| {
            Error::Which(match &which.stack {
                Some(name) => format!("there is no stack {name} in namespace {namespace}; kubectl get tstack -A shows all"),
                None => format!("there is no stack in namespace {namespace}; choose another by --namespace, kubectl get tstack -A shows all"),
            })
        })?;
        Ok(Self { client, stack: Box::new(stack), named: which.stack.is_some() })
    }

    /// The stack as it is now.
    pub async fn again(self) -> Result<Self, Error> {
        let stack = Box::new(self.stacks().get(&self.name()).await?);
        Ok(Self { stack, ..self })
    }

    /// Where stacks of its namespace are.
    pub fn stacks(&self) -> Api<TrackloreStack> {
        self.api()
    }

    /// Where objects of some kind in its namespace are.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace())
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.stack.name_any()
    }

    /// Its namespace.
    pub fn namespace(&self) -> String {
        self.stack.namespace().unwrap_or_default()
    }

    /// Names and labels of its parts.
    pub fn stack_names(&self) -> Names {
        validate::names(&self.stack)
    }

    /// What selects the parts of the stack.
    pub fn parts(&self) -> ListParams {
        ListParams::default().labels(&format!("{INSTANCE}={}", self.name()))
    }
}

/// The one stack that a namespace has, if it has any; several are an error.
pub fn only(mut stacks: Vec<TrackloreStack>, namespace: &str) -> Result<Option<TrackloreStack>, Error> {
    if stacks.len() > 1 {
        let names: Vec<_> = stacks.iter().map(ResourceExt::name_any).collect();
        return Err(Error::Which(format!(
            "namespace {namespace} has several stacks; choose one by --stack: {}",
            names.join(", ")
        )));
    }
    Ok(stacks.pop())
}

/// The stack of an example in a cluster that answers every question by a failure.
#[cfg(test)]
pub fn unreadable(example: &str) -> Target {
    use std::io::{Read, Write};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = connection.read(&mut [0; 8192]);
            let _ = connection
                .write_all(b"HTTP/1.1 500 Broken\r\ncontent-length: 6\r\nconnection: close\r\n\r\nbroken");
        }
    });
    let mut config = Config::new(address.parse().unwrap());
    config.default_retry = false;
    let stack = Box::new(crate::file::parse(example, None, "default").unwrap());
    Target { client: Client::try_from(config).unwrap(), stack, named: false }
}
