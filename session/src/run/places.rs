//! Where a place is, told without making a breakpoint of it.

use ukdbg_image::CodeAddr;
use ukdbg_inspect::Target;

use super::place;
use crate::SessionError;
use crate::session::Session;
use crate::view::{PlaceView, PlacesView};

impl<T: Target> Session<'_, T> {
    /// Every place in the code that a text means.
    pub(crate) fn places(
        &mut self,
        text: &str,
        frame: Option<usize>,
    ) -> Result<PlacesView, SessionError> {
        let locations = place::resolve(self, text, frame)?;
        let places = locations.iter().map(|location| {
            let chain = self.modules.symbolize(CodeAddr::Exact(location.address));
            let outermost = chain.last().filter(|_| chain.len() > 1);
            PlaceView {
                address: location.address,
                function: chain.first().and_then(|frame| frame.function.clone()),
                inlined_into: outermost.and_then(|frame| frame.function.clone()),
                location: chain.first().and_then(|frame| frame.location.clone()),
            }
        });
        Ok(PlacesView {
            places: places.collect(),
        })
    }
}
