//! The TypeScript the UI is built with.

use ts_rs::{Config, TS};

use crate::{
    AccountState, AccountView, AppView, CallHappening, CallInfo, CallMode, CallStatusPayload,
    CallSwitchPayload, CallType, CallUser, CallUserPayload, CallUsersUpdate, CallView, ClientFrame, Command,
    ContactView, ControlView, CoreFrame, DeviceRole, DeviceView, DevicesView, EndReason, EntranceView, Event,
    GroupView, IncomingCall, InvitationView, InviteUsersPayload, LevelsView, LinkQualityView,
    LocalServerView, Media, MediaErrorPayload, MissedCall, MuteStatus, Outcome, PROBLEM_CODES,
    ParticipantView, PictureFrame, PixelLayout, Problem, ProgramView, RemoteJoinPolicy,
    RemoteJoinRequestView, Reply, RoomView, ScreenKind, ScreenView, SdkEvent, SdkMethod, SdkResult,
    SdkStatus, SdkTrackType, SessionStatus, ShownPicture, SigningInView, SpeakingPayload, Status,
    SwitchStatus, TrackKind, UserDetails, UserStatus, UserTrack, VideoQualityView, VideoRequest,
};

const HEAD: &str =
    "// Generated from crates/contract by `cargo xtask bindings`; edit the Rust types instead.\n";

/// The whole contract as one TypeScript module: what `ui/src/sdk/contract.ts` must hold, byte for byte.
pub fn typescript() -> String {
    let config = Config::new();
    let mut module = String::from(HEAD);
    declare::<ClientFrame>(&mut module, &config);
    declare::<CoreFrame>(&mut module, &config);
    declare::<Outcome>(&mut module, &config);
    declare::<Command>(&mut module, &config);
    declare::<Media>(&mut module, &config);
    declare::<DeviceRole>(&mut module, &config);
    declare::<Reply>(&mut module, &config);
    declare::<Event>(&mut module, &config);
    declare::<CallHappening>(&mut module, &config);
    declare::<TrackKind>(&mut module, &config);
    declare::<LevelsView>(&mut module, &config);
    declare::<LinkQualityView>(&mut module, &config);
    declare::<VideoQualityView>(&mut module, &config);
    declare::<AppView>(&mut module, &config);
    declare::<AccountView>(&mut module, &config);
    declare::<SigningInView>(&mut module, &config);
    declare::<AccountState>(&mut module, &config);
    declare::<ContactView>(&mut module, &config);
    declare::<RoomView>(&mut module, &config);
    declare::<Status>(&mut module, &config);
    declare::<EndReason>(&mut module, &config);
    declare::<EntranceView>(&mut module, &config);
    declare::<VideoRequest>(&mut module, &config);
    declare::<CallView>(&mut module, &config);
    declare::<GroupView>(&mut module, &config);
    declare::<ParticipantView>(&mut module, &config);
    declare::<DevicesView>(&mut module, &config);
    declare::<DeviceView>(&mut module, &config);
    declare::<ScreenView>(&mut module, &config);
    declare::<ScreenKind>(&mut module, &config);
    declare::<LocalServerView>(&mut module, &config);
    declare::<InvitationView>(&mut module, &config);
    declare::<Problem>(&mut module, &config);
    declare::<PictureFrame>(&mut module, &config);
    declare::<ShownPicture>(&mut module, &config);
    declare::<PixelLayout>(&mut module, &config);
    declare::<ControlView>(&mut module, &config);
    declare::<ProgramView>(&mut module, &config);
    declare::<RemoteJoinPolicy>(&mut module, &config);
    declare::<RemoteJoinRequestView>(&mut module, &config);
    declare::<SdkMethod>(&mut module, &config);
    declare::<SdkResult>(&mut module, &config);
    declare::<CallInfo>(&mut module, &config);
    declare::<SdkEvent>(&mut module, &config);
    declare::<CallType>(&mut module, &config);
    declare::<CallMode>(&mut module, &config);
    declare::<SdkStatus>(&mut module, &config);
    declare::<SessionStatus>(&mut module, &config);
    declare::<UserStatus>(&mut module, &config);
    declare::<UserDetails>(&mut module, &config);
    declare::<IncomingCall>(&mut module, &config);
    declare::<CallStatusPayload>(&mut module, &config);
    declare::<SdkTrackType>(&mut module, &config);
    declare::<UserTrack>(&mut module, &config);
    declare::<MuteStatus>(&mut module, &config);
    declare::<MissedCall>(&mut module, &config);
    declare::<SwitchStatus>(&mut module, &config);
    declare::<CallSwitchPayload>(&mut module, &config);
    declare::<InviteUsersPayload>(&mut module, &config);
    declare::<CallUserPayload>(&mut module, &config);
    declare::<CallUser>(&mut module, &config);
    declare::<CallUsersUpdate>(&mut module, &config);
    declare::<SpeakingPayload>(&mut module, &config);
    declare::<MediaErrorPayload>(&mut module, &config);
    declare_codes(&mut module);
    module
}

fn declare<T: TS>(module: &mut String, config: &Config) {
    module.push('\n');
    if let Some(docs) = T::docs() {
        module.push_str(docs.trim_end());
        module.push('\n');
    }
    module.push_str("export ");
    for line in T::decl(config).lines() {
        module.push_str(line.trim_end());
        module.push('\n');
    }
}

fn declare_codes(module: &mut String) {
    module.push_str("\n/** The codes a `Problem` can carry. */\nexport const PROBLEM_CODES = [\n");
    for code in PROBLEM_CODES {
        module.push_str("  \"");
        module.push_str(code);
        module.push_str("\",\n");
    }
    module.push_str("] as const;\n\n/** One of the codes. */\nexport type ProblemCode = (typeof PROBLEM_CODES)[number];\n");
}
