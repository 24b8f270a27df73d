"""The pure half of the gate loop: facts to a situation, a situation to a decision, and what a request says."""
