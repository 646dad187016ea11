package engine

import (
	"context"
	"errors"
	"testing"
	"time"
)

type testKey struct{}

// A task's context is what context.WithCancelCause would give, whenever it is asked for more than its session.
func TestTaskContext(t *testing.T) {
	session := &Session{Tag: "x"}
	parent := context.WithValue(WithSession(context.Background(), session), testKey{}, 7)
	why := errors.New("why")
	for _, how := range []string{"asked before", "asked after", "ended before", "ended after"} {
		c := &taskContext{parent: parent}
		if c.Err() != nil || SessionOf(c) != session || c.Value(testKey{}) != 7 && how == "asked before" {
			t.Error(how, c.Err(), SessionOf(c))
		}
		c = &taskContext{parent: parent}
		var child, limited context.Context
		told := make(chan struct{})
		before := how == "asked before" || how == "ended before"
		ask := func() {
			var stop, stop2 context.CancelFunc
			child, stop = context.WithCancel(c)
			limited, stop2 = context.WithTimeoutCause(c, time.Hour, ErrTimeout)
			context.AfterFunc(c, func() { close(told) })
			t.Cleanup(func() { stop(); stop2() })
		}
		if before {
			ask()
			if c.Err() != nil || child.Err() != nil || context.Cause(limited) != nil {
				t.Error(how, "is over already")
			}
		}
		want := why
		if how == "asked before" || how == "asked after" {
			c.cancel(why)
			c.cancel(errors.New("too late"))
		} else {
			want = context.Canceled
			c.end()
			c.cancel(why) // that comes when the task is done
		}
		if !before {
			ask()
		}
		for _, x := range []context.Context{c, child, limited} {
			select {
			case <-x.Done():
			case <-time.After(10 * time.Second):
				t.Fatal(how, "goes on")
			}
			if x.Err() != context.Canceled || context.Cause(x) != want {
				t.Errorf("%s: %v because of %v", how, x.Err(), context.Cause(x))
			}
		}
		<-told
		c.end()
	}
}

// What many TASK frames begin with is read once, and never taken for another's.
func TestTasksOfManyFunctions(t *testing.T) {
	var k known
	for _, want := range []Task{{Func: "a"}, {Func: "a"}, {Func: "ab"}, {Func: "ac"}, {Func: "a", Timeout: 1}, {Func: "a", Timeout: 2}, {Func: "no", Timeout: 2}, {Func: "a"}} {
		for _, arg := range []string{"", "b", "xyz"} {
			var q queued
			if err := k.parse(append(TaskHead(want.Func, want.Timeout), arg...), &q); err != nil {
				t.Fatal(err)
			}
			if q.Func != want.Func || q.Timeout != want.Timeout || string(q.Arg) != arg || q.f != nil {
				t.Errorf("%+v %q came as %+v", want, arg, q)
			}
		}
	}
	if err := k.parse(TaskHead("a", 0)[:10], new(queued)); err == nil {
		t.Error("a name that is cut off was taken")
	}
}
