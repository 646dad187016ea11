package manager

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

// Calls of a batch are made in their order; what one raises is told, and does not stop the others.
func TestBatch(t *testing.T) {
	mptest.Check(t)
	exes := map[string]string{"atrium": ""}
	for v, exe := range pythons(t) {
		exes[v] = exe
	}
	s, _ := served(t, Config{})
	for _, v := range append([]string{"atrium"}, versions...) {
		exe, here := exes[v]
		if !here {
			continue
		}
		address := s.Addr()
		if exe != "" {
			_, address = stock(t, exe)
		}
		c := client(t, address)
		ctx := soon(t)
		l := must(NewList[int](ctx, c))(t)
		b := c.Batch()
		noErr(t, b.Do(ctx))
		const n = 3000
		var got [n]int
		for i := range n {
			b.Call(l.Proxy, nil, "append", i)
			b.Call(l.Proxy, &got[i], "__getitem__", i)
		}
		equal(t, b.Len(), 2*n)
		noErr(t, b.Do(ctx))
		equal(t, b.Len(), 0)
		for i := range got {
			if got[i] != i {
				t.Fatal(v, i, got[i])
			}
		}

		var last int
		b.Call(l.Proxy, nil, "__getitem__", n)
		b.Call(l.Proxy, &last, "__getitem__", -1)
		err := b.Do(ctx)
		is(t, err, ErrIndex)
		equal(t, last, n-1)
		if !strings.Contains(err.Error(), "call 0 of a batch: list.__getitem__") {
			t.Error(err)
		}
		b.Call(l.Proxy, nil, "append", make(chan int))
		b.Call(l.Proxy, nil, "append", 1)
		var wrong *pickle.TypeError
		if err := b.Do(ctx); !errors.As(err, &wrong) {
			t.Error(err)
		}
		equal(t, must(l.Len(ctx))(t), n)

		// More than all buffers take, both ways.
		big := strings.Repeat("x", 1<<20)
		keep := must(NewList[string](ctx, c))(t)
		var back [12]string
		for i := range back {
			b.Call(keep.Proxy, nil, "append", big)
			b.Call(keep.Proxy, &back[i], "__getitem__", i)
		}
		noErr(t, b.Do(ctx))
		equal(t, back[11] == big, true)

		// The end of its context ends it, and the client goes on.
		q := must(NewQueue[int](ctx, c, 0))(t)
		limited, cancel := context.WithCancel(ctx)
		time.AfterFunc(10*time.Millisecond, cancel)
		b.Call(l.Proxy, &last, "__getitem__", 5)
		b.Call(q.Proxy, nil, "get")
		is(t, b.Do(limited), context.Canceled)
		equal(t, last, 5) // it was answered before the get waited
		equal(t, must(l.Len(ctx))(t), n)
		noErr(t, c.Close())
	}
}

// Requests that come together are answered together, and none waits for a later one that does not end.
func TestAnswersTogether(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	l, q := create(t, s, "list"), create(t, s, "Queue")
	r := open(t, s)
	var b []byte
	for _, call := range []pickle.Tuple{{l, "append", pickle.Tuple{1}, noKeywords}, {l, "__len__", pickle.Tuple{}, noKeywords}, {q, "get", pickle.Tuple{}, noKeywords},
		{l, "__len__", pickle.Tuple{}, noKeywords}} {
		msg, err := pickle.Marshal(call)
		noErr(t, err)
		b = append(b, 0, 0, byte(len(msg)>>8), byte(len(msg)))
		b = append(b, msg...)
	}
	noErr(t, r.SendMessages(background, b))
	for _, want := range []any{nil, int64(1)} {
		if _, v := r.reply(); v != want {
			t.Fatalf("%v, not %v", v, want)
		}
	}
	open(t, s).want(nil, q, "put", "x")
	for _, want := range []any{"x", int64(1)} {
		if _, v := r.reply(); v != want {
			t.Fatalf("%v, not %v", v, want)
		}
	}
}

// Whatever was done is answered, also when the server ends meanwhile.
func TestAnswersAtTheEnd(t *testing.T) {
	mptest.Check(t)
	for range 100 {
		s, _ := served(t, Config{})
		l := create(t, s, "list")
		o, err := s.objects.get(l)
		noErr(t, err)
		r := open(t, s)
		msg, err := pickle.Marshal(pickle.Tuple{l, "append", pickle.Tuple{1}, noKeywords})
		noErr(t, err)
		var b []byte
		for range 2000 {
			b = append(append(b, 0, 0, 0, byte(len(msg))), msg...)
		}
		go func() { _ = r.SendMessages(background, b) }() // the server ends in the middle of it
		_, _ = r.reply()
		noErr(t, s.Close())
		answers := 1
		for ; ; answers++ {
			if _, err := r.RecvBytes(background, nil); err != nil {
				break
			}
		}
		if done := len(o.inst.(*list).l); answers != done {
			t.Fatalf("%d calls were done, and %d answered", done, answers)
		}
	}
}
