//! One machine under a user's hands: the target, its images, and what the last
//! stop showed.

use std::time::Instant;

use ukdbg_inspect::{Control, Modules, Resume, Stop, Target, TargetError};

use crate::{Reply, Request, SessionError, SourceText};

/// A machine and everything known about it.
pub struct Session<'data> {
    pub(crate) target: Box<dyn Target + Send + 'data>,
    pub(crate) modules: Modules<'data>,
    pub(crate) sources: Box<dyn SourceText + Send + 'data>,
}

impl<'data> Session<'data> {
    /// A session on a machine that holds these images.
    pub fn new(
        target: Box<dyn Target + Send + 'data>,
        modules: Modules<'data>,
        sources: Box<dyn SourceText + Send + 'data>,
    ) -> Self {
        Self {
            target,
            modules,
            sources,
        }
    }

    /// Answers one request about the stopped machine.
    pub fn answer(&mut self, request: Request) -> Result<Reply, SessionError> {
        let _ = request;
        Err(SessionError::NoTrace { why: String::new() })
    }

    /// Lets the machine run.
    pub fn resume(&mut self) -> Result<(), SessionError> {
        Ok(self.control("resume")?.resume(Resume::Continue)?)
    }

    /// Asks it to stop; the stop comes from [`Session::poll`].
    pub fn interrupt(&mut self) -> Result<(), SessionError> {
        Ok(self.control("interrupt")?.interrupt()?)
    }

    /// The next stop, if there is one by `until`.
    pub fn poll(&mut self, until: Instant) -> Result<Option<Stop>, SessionError> {
        Ok(self.control("wait")?.poll(until)?)
    }

    fn control(&mut self, request: &str) -> Result<&mut dyn Control, TargetError> {
        self.target.control().ok_or_else(|| TargetError::Refused {
            peer: "this target".to_owned(),
            request: request.to_owned(),
            answer: "it cannot be run or stopped".to_owned(),
        })
    }
}
