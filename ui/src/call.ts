import "./styles/base.css";

import { mount } from "svelte";

import { openApp } from "./open";
import CallWindow from "./views/call_window/CallWindow.svelte";

void openApp({ people: false }).then((app) => mount(CallWindow, { target: document.getElementById("app")!, props: { app } }));
