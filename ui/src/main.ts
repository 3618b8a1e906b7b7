import "./styles/base.css";

import { mount } from "svelte";

import { openApp } from "./open";
import Main from "./views/Main.svelte";

void openApp().then((app) => mount(Main, { target: document.getElementById("app")!, props: { app } }));
