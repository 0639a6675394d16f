//! The frame and the address that a request is about.

use ukdbg_inspect::{Frame, Target, VirtAddr};

use crate::expression::{Evaluator, evaluate};
use crate::session::{Session, Shown};
use crate::{Scope, SessionError, backtrace};

impl<T: Target> Session<'_, T> {
    /// The last backtrace shown, made now when there is none.
    pub(crate) fn frames_shown(&mut self) -> Result<&Shown, SessionError> {
        if self.shown.is_none() {
            if self.target.vcpus()?.is_empty() {
                return Err(SessionError::NoRegisters);
            }
            backtrace::all(self, Scope::Selected)?;
        }
        self.shown.as_ref().ok_or(SessionError::NoRegisters)
    }

    /// The last backtrace shown, or the frames to this number.
    pub(crate) fn shown_to(&mut self, index: usize) -> Result<Shown, SessionError> {
        if let Some(shown) = &self.shown {
            return Ok(shown.clone());
        }
        if self.target.vcpus()?.is_empty() {
            return Err(SessionError::NoRegisters);
        }
        backtrace::up_to(self, index)
    }

    /// A frame by its number as shown, with its level in the inline chain.
    /// None in a machine without registers, unless a frame was asked for.
    pub(crate) fn frame_of(
        &mut self,
        index: Option<usize>,
    ) -> Result<Option<(Frame, usize)>, SessionError> {
        if index.is_none() && self.target.vcpus()?.is_empty() {
            return Ok(None);
        }
        let index = index.unwrap_or(0);
        let shown = self.shown_to(index)?;
        let no_frame = SessionError::NoFrame {
            index,
            frames: shown.view.frames.len(),
        };
        let view = shown.view.frames.get(index);
        let found = view.and_then(|view| {
            let frame = shown.found.frames.get(view.physical)?;
            Some((frame.clone(), view.level))
        });
        found.map(Some).ok_or(no_frame)
    }

    /// Where a frame executes; for a caller, inside its call.
    pub(crate) fn pc_of(&mut self, index: Option<usize>) -> Result<VirtAddr, SessionError> {
        let found = self.frame_of(Some(index.unwrap_or(0)))?;
        let (frame, _) = found.ok_or(SessionError::NoRegisters)?;
        Ok(frame.pc.lookup())
    }

    /// The address that an expression is, or that its value has.
    pub(crate) fn address_of(
        &mut self,
        expression: &str,
        frame: Option<usize>,
    ) -> Result<VirtAddr, SessionError> {
        let found = self.frame_of(frame)?;
        let mut evaluator = Evaluator {
            modules: &self.modules,
            frame: found.as_ref().map(|(frame, level)| (frame, *level)),
            history: &self.history,
            memory: &mut self.target,
        };
        let place = evaluate(&mut evaluator, expression)?;
        let address = evaluator.as_address(&place);
        address.map_err(|error| {
            let whole = Box::new(crate::ExpressionError {
                text: expression.to_owned(),
                column: 0,
                length: expression.chars().count().max(1),
                kind: error.into(),
            });
            whole.into()
        })
    }
}
