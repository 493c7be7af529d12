//! `milena run`: runs a flow file, against an embedded broker or a cluster.

mod display;
mod host;

use std::{fs, path::Path, sync::Arc};

use milena_broker::Broker;
use milena_connect::{
    Connection,
    connector::with_causes,
    flow::{Brokers, Flow, Input, Step},
    runtime::{self, Progress, RunError, Server, Stop},
    secrets::{Environment, FileAccess, Secrets, SecretsFile},
};

use self::{display::Display, host::Terminal};
use crate::{
    arguments::{self, FlowOptions},
    failure::Failure,
    interrupt::Interrupt,
    notice::{self, say},
    properties::PropertyList,
};

/// Runs the flow to its end, or until the program is interrupted.
pub(crate) async fn run(arguments: arguments::Run) -> Result<(), Failure> {
    let secrets = secrets(&arguments.flow)?;
    run_flow(&arguments.flow, &secrets, None).await
}

/// Where the secrets of a flow are: the file first, then the environment.
pub(super) fn secrets(options: &FlowOptions) -> Result<Secrets, Failure> {
    let environment = Environment::with_prefix(&options.secrets_prefix);
    let secrets = match &options.secrets {
        Some(path) => {
            let access = match options.secrets_any_access {
                true => FileAccess::Any,
                false => FileAccess::OwnerOnly,
            };
            let file = SecretsFile::read(path, access)
                .map_err(|error| Failure::refused("--secrets", with_causes(&error)))?;
            Secrets::new(file).or(environment)
        }
        None => Secrets::new(environment),
    };
    notice::hide(secrets.masker());
    Ok(secrets)
}

/// Runs the flow, with a server or without one.
pub(super) async fn run_flow(
    options: &FlowOptions,
    secrets: &Secrets,
    server: Option<Server>,
) -> Result<(), Failure> {
    let properties = PropertyList::read(options.properties_file.as_deref(), &options.properties)?;
    let mut interrupt = Interrupt::listen()?;
    let file = options.file.display();
    let text = fs::read_to_string(&options.file).map_err(|error| Failure::refused(&file, error))?;
    let flow =
        Flow::parse_with(&text, secrets).map_err(|problems| Failure::refused(&file, problems))?;
    let brokers = match &options.brokers {
        Some(list) => Brokers::parse(list, flow.brokers())
            .map_err(|problem| Failure::Usage(format!("--brokers {problem}")))?,
        None => flow.brokers().clone(),
    };
    let (broker, mut connection) = connect(&flow, brokers).await?;
    connection.command_line = properties.into_entries();
    for warning in flow.warnings(&connection)? {
        say(format_args!("milena: warning: {warning}"));
    }

    let folder = options.file.parent().unwrap_or_else(|| Path::new("")).to_owned();
    let progress = Arc::new(Progress::default());
    let display = Display::start(flow.name(), input_bytes(&flow, &folder), &progress);
    display.note(&match &broker {
        Some(broker) => format!("embedded broker at {}", broker.bootstrap_servers()),
        None if connection.brokers.is_empty() => "brokers as the steps say".to_owned(),
        None => format!("brokers at {}", connection.brokers.join(",")),
    });
    let terminal = Arc::new(Terminal::start(folder, display.clone()));
    let stop = Stop::default();
    let counted = Arc::clone(&progress);
    let running = async {
        match server {
            None => runtime::run(&flow, &connection, terminal, counted, &stop).await,
            Some(server) => {
                runtime::serve(&flow, &connection, terminal, counted, &stop, server).await
            }
        }
    };
    let ran = tokio::select! {
        ran = running => ran,
        () = async {
            interrupt.wait().await;
            display.note("interrupted: sending what was accepted, committing, leaving the group");
            stop.stop();
            // The run ends by itself.
            std::future::pending::<()>().await;
        } => Ok(()),
    };
    display.finish();
    if let Some(broker) = broker {
        broker.shutdown().await;
    }
    match ran {
        Ok(()) => interrupt.outcome(),
        Err(error) if error.is_output_closed() => Err(Failure::OutputClosed),
        Err(RunError::Output(error)) => Err(Failure::output(&error)),
        Err(RunError::Refused(why)) => Err(Failure::Refused(why)),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

/// Starts the embedded broker where the flow wants one.
async fn connect(flow: &Flow, brokers: Brokers) -> Result<(Option<Broker>, Connection), Failure> {
    match brokers {
        Brokers::Embedded { partitions } => {
            let broker = Broker::builder()
                .default_partitions(partitions)
                .start()
                .await
                .map_err(|error| Failure::Failed(with_causes(&error)))?;
            let addresses = broker.bootstrap_servers().split(',').map(str::to_owned).collect();
            Ok((Some(broker), flow.connection(addresses, true)))
        }
        Brokers::List(addresses) => Ok((None, flow.connection(addresses, false))),
        Brokers::OfSteps => Ok((None, flow.connection(Vec::new(), false))),
        other => Err(Failure::Failed(format!("{other:?} are no brokers that can be reached"))),
    }
}

/// How many bytes the flow's inputs have, when all of them are files.
fn input_bytes(flow: &Flow, folder: &Path) -> Option<u64> {
    flow.steps()
        .iter()
        .filter_map(|step| match step {
            Step::Action(action) => Some(&action.input),
            _ => None,
        })
        .map(|input| match input {
            Input::File(path) => fs::metadata(folder.join(path)).ok().map(|file| file.len()),
            _ => None,
        })
        .sum()
}
