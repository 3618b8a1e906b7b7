//! The TypeScript the UI is built with.

use ts_rs::{Config, TS};

use crate::{
    AccountState, AccountView, AppView, CallHappening, CallView, ClientFrame, Command, ContactView,
    CoreFrame, DeviceRole, DeviceView, DevicesView, EndReason, EntranceView, Event, GroupView,
    InvitationView, LevelsView, LinkQualityView, LocalServerView, Media, Outcome, PROBLEM_CODES,
    ParticipantView, PictureFrame, PixelLayout, Problem, Reply, RoomView, ScreenKind, ScreenView,
    ShownPicture, SigningInView, Status, TrackKind, VideoQualityView,
};

const HEAD: &str =
    "// Generated from crates/contract by `cargo xtask bindings`; edit the Rust types instead.\n";

/// The whole contract as one TypeScript module: what `ui/src/contract/contract.ts` must hold, byte for byte.
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
