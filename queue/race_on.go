//go:build race

package queue

import (
	"reflect"
	"runtime"
)

// raceMark stands in for shared memory, which the race detector does not see: what is released through it happens before
// what is acquired after.
type raceMark struct{ _ byte }

func (m *raceMark) acquire() { runtime.RaceAcquire(reflect.ValueOf(m).UnsafePointer()) }
func (m *raceMark) release() { runtime.RaceReleaseMerge(reflect.ValueOf(m).UnsafePointer()) }
