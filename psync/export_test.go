package psync

// OnCrashPoint calls fn with the name of each step that this process comes to, by the long ways, as only they have steps. nil opens
// the short ways again. Not while others lock.
func OnCrashPoint(fn func(step string)) {
	objects.mu.Lock()
	defer objects.mu.Unlock()
	crashPoint = fn
	for _, o := range objects.open {
		o.lock.shorten(!o.closed.Load())
		o.guard.shorten(!o.closed.Load())
	}
}
