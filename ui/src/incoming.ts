import "./styles/base.css";

import { mount } from "svelte";

import { openApp } from "./open";
import IncomingWindow from "./views/incoming/IncomingWindow.svelte";

void openApp({ people: false }).then((app) => mount(IncomingWindow, { target: document.getElementById("app")!, props: { app } }));
