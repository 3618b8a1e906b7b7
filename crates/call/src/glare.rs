//! What to do with a call that reaches us while others ring or run.
//!
//! *Glare* is two people dialing each other at once. Where both dial into the same conversation (a one-to-one room
//! holds one call) there is nothing to resolve: both join the same call and meet in it. All that is left is not to
//! ring for a call we are already on the way into.

use crate::{CallId, CallView, ContactId, Invitation};

/// What becomes of an invitation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reception {
    /// Let it ring.
    Ring,
    /// It is the call we are dialing, in, or being rung for already: do nothing.
    SameCall(CallId),
    /// We are in this other call: answer that we are engaged.
    Engaged(CallId),
}

/// Decides what becomes of `invitation`, given every call that rings or runs. Calls that are over are disregarded.
pub fn receive<'a>(invitation: &Invitation, calls: impl IntoIterator<Item = &'a CallView>) -> Reception {
    let mut engaged = None;
    for call in calls.into_iter().filter(|call| call.ended.is_none()) {
        if is_same_call(invitation, call) {
            return Reception::SameCall(call.id.clone());
        }
        if engaged.is_none() {
            engaged = Some(call.id.clone());
        }
    }
    engaged.map_or(Reception::Ring, Reception::Engaged)
}

/// The room decides once it is known. Before (we dialed a person and the service still looks for the room), a
/// one-to-one call from that very person can only be in the room we are being led to.
fn is_same_call(invitation: &Invitation, call: &CallView) -> bool {
    match &call.room {
        Some(room) => *room == invitation.room,
        None => invitation.one_to_one && call.contact.is_some() && call.contact == invitation.from,
    }
}

/// The call that rings here and comes from the person we are about to dial, if there is one: dialing them means
/// answering it.
pub fn dialed_by<'a>(contact: &ContactId, calls: impl IntoIterator<Item = &'a CallView>) -> Option<CallId> {
    calls
        .into_iter()
        .find(|call| call.can_answer && call.contact.as_ref() == Some(contact))
        .map(|call| call.id.clone())
}
