package psync

// OnCrashPoint calls fn with the name of each step that this process comes to.
func OnCrashPoint(fn func(step string)) { crashPoint = fn }
