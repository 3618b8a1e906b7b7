//! The call SDK (mirrorfly-sdk): its methods over this app's calls, and what its listeners are told.

use std::sync::Arc;

use bellbird_contract::{SdkMethod, SdkResult};

use crate::app::Inner;

impl Inner {
    pub(crate) async fn sdk_method(
        self: &Arc<Self>,
        _account: Option<&str>,
        _method: SdkMethod,
    ) -> SdkResult {
        SdkResult {
            status_code: 500,
            message: "the SDK has no methods yet".into(),
            code: Some("internal".into()),
            call_type: None,
            room_id: None,
            call_info: None,
        }
    }
}
