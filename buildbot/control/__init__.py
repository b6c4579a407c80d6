"""Control of a running master by people and plug-ins, and the control socket."""
