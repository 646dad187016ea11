package cluster

// Session is in the names of the nodes' Spaces.
func (e *Engine) Session() string { return e.session }
