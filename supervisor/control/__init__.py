"""The supervisor's own socket: who asks, what is carried, and the newest events for whoever asks."""
