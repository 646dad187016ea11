package queue_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

func TestMain(m *testing.M) { mptest.Main(m) }

var background = context.Background()

func must[T any](v T, err error) T {
	mptest.Must(err)
	return v
}

// ok fails the test on an error.
func ok[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func noErr(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// wantErr fails the test unless err is an *Error that is target and says each of the words.
func wantErr(t testing.TB, err, target error, words ...string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("got error %v, want one that is %v", err, target)
		return
	}
	if _, typed := err.(*queue.Error); !typed {
		t.Errorf("error %v is a %T", err, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// within is a context that ends soon.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, stop := context.WithTimeout(background, d)
	t.Cleanup(stop)
	return ctx
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// newQueue opens a queue that the test's end closes and removes.
func newQueue[T any](t testing.TB, s *shm.Space, name string, c queue.Config) *queue.Queue[T] {
	t.Helper()
	q := ok[*queue.Queue[T]](t)(queue.Open[T](s, name, c))
	t.Cleanup(func() {
		noErr(t, q.Close())
		if err := s.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, shm.ErrSpaceGone) && !errors.Is(err, shm.ErrClosed) {
			t.Error(err)
		}
	})
	return q
}

func get[T comparable](t testing.TB, q *queue.Queue[T], want T) {
	t.Helper()
	v, err := q.Get(within(t, time.Minute))
	if err != nil || v != want {
		t.Fatalf("got %v, %v; want %v", brief(v), err, brief(want))
	}
}

func brief(v any) string {
	s := fmt.Sprintf("%v", v)
	if len(s) > 40 {
		s = fmt.Sprintf("%s… (%d)", s[:40], len(s))
	}
	return s
}

// ring is the ring of a queue, to look at.
func ring[T any](q *queue.Queue[T]) *layout.MPMC {
	m := must(layout.OpenMPMC(q.Mem().Ring))
	return &m
}
