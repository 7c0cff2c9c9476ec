"""Speech: text to sound with programs of this machine; vendors come on top."""
