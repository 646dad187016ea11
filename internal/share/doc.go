// Package share lets processes that are in no Space, such as Python's, use queues and locks of this process: each asks
// over a connection of its own for one thing after the other, and a goroutine here does it for that client
// (docs/formats/queue-connection.md). A client holds what it holds through a session; when the last connection of a session
// ends, as the kernel sees to when the client is killed, all of that is given back as if a process of the Space had died.
package share
