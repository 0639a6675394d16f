//! From a command's arguments to a session on a machine that already runs, and
//! away from it again: the machine is left as it was found.

use std::path::PathBuf;

use ukdbg_gdb_bridge::{
    ConnectError, Core, Endpoint, ImageFile, Leave, Link, Machine, Opened, open,
};
use ukdbg_session::diagnose::{EmulatorEvidence, Ending};
use ukdbg_session::inspect::{PlaceError, Target, TargetError};
use ukdbg_session::{
    ExpressionError, ExpressionErrorKind, Identity, Moved, Reply, Request, Session, SessionError,
};

use crate::arguments::{EndpointArguments, Global};
use crate::endpoint::{self, Chosen};
use crate::evidence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::images::{self, Loaded};
use crate::output::Output;
use crate::render::{Commands, quote};
use crate::sources::Sources;

/// A machine to connect to, with everything local already checked.
pub(crate) struct Prepared {
    endpoint: Endpoint,
    loaded: Loaded,
    sources: Sources,
    /// What a user would type to come back.
    pub(crate) commands: Commands,
}

/// Checks everything local: endpoint, images, source maps.
pub(crate) fn prepare(
    global: &Global,
    options: &EndpointArguments,
    output: &Output,
) -> Result<Prepared, Failure> {
    let chosen = endpoint::choose(options.endpoint.as_deref())?;
    let (image, symbols) = image_of(global, &chosen)?;
    let loaded = images::load(Some(&image), &symbols)?;
    output.loaded(&loaded);
    let typed = chosen.endpoint.to_string();
    let files = [&image].into_iter().chain(&symbols);
    let shown: Vec<String> = files.map(|file| file.display().to_string()).collect();
    let with = |command: &str| {
        let mut line = format!("ukdbg {command} {}", quote(&typed));
        for (index, file) in shown.iter().enumerate() {
            let option = if index == 0 { "image" } else { "symbols" };
            line.push_str(&format!(" --{option} {}", quote(file)));
        }
        line
    };
    Ok(Prepared {
        commands: Commands {
            look: with("attach"),
            trace: with("trace list"),
            images: shown,
        },
        endpoint: chosen.endpoint,
        loaded,
        sources: sources(global)?,
    })
}

/// The sources that the global options lead to.
pub(crate) fn sources(global: &Global) -> Result<Sources, Failure> {
    Sources::new(&global.source_map)
        .map_err(|text| Failure::text(Exit::Usage, text).hint("--source-map /build=/home/me/src"))
}

/// The image that was given, else the one of the session that was found.
fn image_of(global: &Global, chosen: &Chosen) -> Result<(PathBuf, Vec<PathBuf>), Failure> {
    let found = chosen.session.as_ref();
    let mut symbols = global.symbols.clone();
    if symbols.is_empty() {
        symbols.extend(found.iter().flat_map(|session| session.symbols.clone()));
    }
    let image = global
        .image
        .clone()
        .or_else(|| found.and_then(|session| session.image.clone()))
        .or_else(|| match chosen.endpoint.links() {
            [Link::Image(path)] => Some(path.clone()),
            _ => None,
        })
        .or_else(|| (!symbols.is_empty()).then(|| symbols.remove(0)));
    let image = image.ok_or_else(|| {
        Failure::text(Exit::Usage, "which image does the guest run?")
            .hint("--image ELF, the file that the linker wrote")
    })?;
    Ok((image, symbols))
}

impl Prepared {
    /// The machine, as its user would name it.
    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }

    /// Asks one question and leaves the machine as it was found.
    pub(crate) fn ask(self, question: Question, output: &Output) -> Result<Reply, Failure> {
        match opened(&self.endpoint)? {
            Opened::Machine(machine) => {
                let mut machine = *machine;
                let evidence = seen(&mut machine);
                let mut session =
                    Session::new(machine, self.loaded.modules, Box::new(self.sources));
                let answer = answer(&mut session, question, evidence, output);
                left(session, output);
                answer
            }
            Opened::Core(core) => {
                let evidence = kept_evidence(&core, output);
                let mut session = Session::new(core, self.loaded.modules, Box::new(self.sources));
                answer(&mut session, question, evidence, output)
            }
            Opened::Image(image) => {
                let mut session = Session::new(image, self.loaded.modules, Box::new(self.sources));
                answer(&mut session, question, EmulatorEvidence::default(), output)
            }
        }
    }

    /// Connects to a machine that runs, for longer.
    pub(crate) fn open(
        self,
        output: &Output,
    ) -> Result<(Session<'static, Machine>, EmulatorEvidence), Failure> {
        match self.open_any(output)? {
            Kept::Machine(session, evidence) => Ok((*session, evidence)),
            Kept::Core(..) => Err(Failure::text(
                Exit::Usage,
                "a core can be looked at with bt, report, print and others, not attached to",
            )),
            Kept::Image(_) => Err(Failure::text(
                Exit::Usage,
                "an image can be looked at with print, disas, list and others, not attached to",
            )),
        }
    }

    /// Connects to whatever is there, for longer.
    pub(crate) fn open_any(self, output: &Output) -> Result<Kept, Failure> {
        let (modules, sources) = (self.loaded.modules, Box::new(self.sources));
        Ok(match opened(&self.endpoint)? {
            Opened::Machine(machine) => {
                let mut machine = *machine;
                let evidence = seen(&mut machine);
                let mut session = Session::new(machine, modules, sources);
                check_identity(&mut session, output)?;
                Kept::Machine(Box::new(session), evidence)
            }
            Opened::Core(core) => {
                let evidence = kept_evidence(&core, output);
                let mut session = Session::new(core, modules, sources);
                check_identity(&mut session, output)?;
                Kept::Core(session, evidence)
            }
            Opened::Image(image) => {
                let mut session = Session::new(image, modules, sources);
                check_identity(&mut session, output)?;
                Kept::Image(session)
            }
        })
    }
}

/// A session that is kept for longer, with what was seen from outside.
pub(crate) enum Kept {
    /// On a machine that runs.
    Machine(Box<Session<'static, Machine>>, EmulatorEvidence),
    /// On one that was written down.
    Core(Session<'static, Core>, EmulatorEvidence),
    /// On an image.
    Image(Session<'static, ImageFile>),
}

fn kept_evidence(core: &Core, output: &Output) -> EmulatorEvidence {
    evidence::kept(core.evidence()).unwrap_or_else(|| {
        output.note("the core was written by another version of ukdbg: what was seen from outside is not read");
        EmulatorEvidence::default()
    })
}

/// Opens an endpoint, with a guardian that leaves the machine as it was found
/// if we are killed before we do.
fn opened(endpoint: &Endpoint) -> Result<Opened, Failure> {
    let ourselves = std::env::current_exe().ok();
    open(endpoint, ourselves.as_deref()).map_err(unreachable)
}

/// Leaves a machine as it was found.
pub(crate) fn left(session: Session<'_, Machine>, output: &Output) {
    leave(session, Leave::AsFound, output);
}

/// Leaves a machine.
pub(crate) fn leave(session: Session<'_, Machine>, how: Leave, output: &Output) {
    if let Err(error) = session.into_target().detach(how) {
        output.note(&format!("the guest may not be as it was found: {error}"));
    }
}

/// What a batch command asks. A report needs what was seen from outside, which
/// only the connected machine knows.
pub(crate) enum Question {
    /// As it is.
    Request(Request),
    /// A report.
    Report,
}

fn answer<T: Target>(
    session: &mut Session<'static, T>,
    question: Question,
    evidence: EmulatorEvidence,
    output: &Output,
) -> Result<Reply, Failure> {
    check_identity(session, output)?;
    let request = match question {
        Question::Request(request) => request,
        Question::Report => Request::Report(evidence),
    };
    session.answer(request).map_err(unanswered)
}

/// Refuses an image that is not the guest's: every name would be wrong. Says
/// which images lie elsewhere than they were linked.
pub(crate) fn check_identity<T: Target>(
    session: &mut Session<'_, T>,
    output: &Output,
) -> Result<(), Failure> {
    let identity = session.identify();
    for Moved { name, slide } in session.moved() {
        output.note(&format!("{name} runs at {slide} from where it was linked"));
    }
    let Identity::Different {
        at,
        name,
        resembles,
    } = identity
    else {
        return Ok(());
    };
    let failure = Failure::text(
        Exit::BadImage,
        format_args!(
            "the guest is not running this image: {name} has other bytes at {at} than the guest's memory"
        ),
    );
    Err(match resembles {
        Some(slide) => failure.hint(format!(
            "--image with the ELF that was booted: some of its code looks like this image's moved by {slide}, but the rest does not"
        )),
        None => failure.hint("--image with the ELF that was booted (rebuilt since?)"),
    })
}

/// What a monitor says of a machine that was found standing.
fn seen(machine: &mut Machine) -> EmulatorEvidence {
    let halted = machine.halted_for_good().ok().flatten() == Some(true);
    EmulatorEvidence {
        ending: if halted {
            Ending::Halted
        } else {
            Ending::Stopped
        },
        ..EmulatorEvidence::default()
    }
}

/// A connection that failed.
pub(crate) fn unreachable(error: ConnectError) -> Failure {
    let hint = match &error {
        ConnectError::Unreachable { .. } => {
            "start the guest with `ukdbg run IMAGE`, or QEMU with -s, and check the endpoint"
        }
        ConnectError::Silent { .. } => {
            "end the other debugger: a stub or a monitor serves one at a time"
        }
        _ => "check that the endpoint is a GDB stub, a QMP socket, guest memory or a core",
    };
    Failure::new(Exit::Unreachable, error).hint(hint)
}

/// A question that has no answer.
pub(crate) fn unanswered(error: SessionError) -> Failure {
    let error = match error {
        SessionError::Expression(error) => return misunderstood(&error),
        other => other,
    };
    let exit = match &error {
        SessionError::Target(TargetError::Disconnected { .. } | TargetError::Timeout { .. }) => {
            Exit::Unreachable
        }
        SessionError::NoTrace { .. } => Exit::BadImage,
        SessionError::Target(_) | SessionError::Memory(_) => Exit::Unreachable,
        _ => Exit::Usage,
    };
    let near = match &error {
        SessionError::NoPlace { near, .. } if !near.is_empty() => Some(near.join("\n       ")),
        SessionError::NoRegisters => Some(
            "name a function, a static, an address or FILE:LINE; what runs is at another endpoint"
                .to_owned(),
        ),
        _ => None,
    };
    let failure = Failure::new(exit, error);
    match near {
        Some(near) => failure.hint(near),
        None => failure,
    }
}

/// An expression without a value: what is wrong, and the place marked.
fn misunderstood(error: &ExpressionError) -> Failure {
    let failure = Failure::text(
        Exit::Usage,
        format_args!(
            "{error}\n    {}\n    {}{}",
            error.text.replace(char::is_control, " "),
            " ".repeat(error.column),
            "^".repeat(error.length),
        ),
    );
    match &error.kind {
        ExpressionErrorKind::UnknownName { near, .. } if !near.is_empty() => {
            failure.hint(near.join("\n       "))
        }
        ExpressionErrorKind::Ambiguous { candidates, .. } => {
            let list: Vec<String> = candidates
                .iter()
                .map(|(name, address)| format!("{address}  {name}"))
                .collect();
            failure.hint(list.join("\n       "))
        }
        ExpressionErrorKind::Place(PlaceError::NoField { known, .. }) => {
            failure.hint(known.join(", "))
        }
        _ => failure,
    }
}
