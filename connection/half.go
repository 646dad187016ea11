package connection

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// past is a deadline that makes whatever waits return at once.
var past = time.Unix(1, 0)

// half is one direction of a Conn: whose turn it is, and what ends a wait.
//
// The context of the last call stays watched until a call comes with another one, so that a loop that uses the same context does not
// pay for watching it each time.
type half struct {
	turn   chan struct{} // full while somebody has it
	limit  func(time.Time) error
	closed *atomic.Bool
	gone   <-chan struct{} // closed with the Conn

	// Of who has the turn:
	err  error           // why nothing goes any more
	done <-chan struct{} // of the watched context
	stop func() bool

	mu    sync.Mutex // guards what the watcher touches
	watch int        // number of the watched context
	fired bool       // it ended, and limit was told
}

// begin waits for the turn, for ctx, and for the end.
func (h *half) begin(ctx context.Context) error {
	select {
	case h.turn <- struct{}{}:
	default:
		select {
		case h.turn <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-h.gone:
			return ErrClosed
		}
	}
	return h.start(ctx)
}

// try is begin for who does not want to wait for the turn.
func (h *half) try(ctx context.Context) (bool, error) {
	select {
	case h.turn <- struct{}{}:
		err := h.start(ctx)
		return err == nil, err
	default:
		return false, nil
	}
}

// start gives the turn back when it fails.
func (h *half) start(ctx context.Context) error {
	err := h.err
	if h.closed.Load() {
		err = ErrClosed
	} else if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		h.end()
		return err
	}
	if done := ctx.Done(); done != h.done {
		h.unfollow()
		h.follow(ctx, done)
	}
	return nil
}

func (h *half) end() { <-h.turn }

func (h *half) follow(ctx context.Context, done <-chan struct{}) {
	if done == nil {
		return
	}
	watch := h.watch
	h.done = done
	h.stop = context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.watch == watch {
			h.fired = true
			_ = h.limit(past) // fails when closed, which ends the wait too
		}
	})
}

func (h *half) unfollow() {
	if h.done == nil {
		return
	}
	h.stop()
	h.mu.Lock()
	h.watch++
	if h.fired {
		h.fired = false
		_ = h.limit(time.Time{})
	}
	h.mu.Unlock()
	h.done, h.stop = nil, nil
}

// release is for Close: nobody waits any more, or will.
func (h *half) release() {
	h.turn <- struct{}{}
	h.unfollow()
	h.end()
}
