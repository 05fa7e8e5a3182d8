"""Access: purposes, grants and prohibitions, and the decision that follows from them; pure."""
