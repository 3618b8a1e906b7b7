//! .
use super::*;
pub(super) struct Pump;
impl Pump {
    pub(super) fn new(_options: CallMediaOptions, _events: PumpSink, _inputs: Sender<PumpInput>, _description: Arc<Mutex<String>>) -> Self { Self }
    pub(super) fn run(self, inbox: &Receiver<PumpInput>) {
        while let Ok(input) = inbox.recv() { if let PumpInput::Shutdown = input { return } }
    }
}
