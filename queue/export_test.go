package queue

import "example.com/atrium/internal/layout"

// OnCrashPoint calls fn with the name of each step that this process comes to.
func OnCrashPoint(fn func(step string)) { crashPoint = fn }

// Mem is the queue's memory.
func (q *Queue[T]) Mem() layout.Queue { return q.mem }
