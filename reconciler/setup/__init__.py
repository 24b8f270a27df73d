"""The set-up judged: facts about both upstreams in, one check for each step and precondition out. Pure."""
