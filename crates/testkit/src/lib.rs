//! Virtual clock, simulated link, scripted backend, fake engine, tone meter.
