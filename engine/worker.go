package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

// Role is what a child is started for that runs a driver's tasks; its socket is descriptor 3.
const Role = "worker"

func init() { process.Role(Role, func(string) { workerMain() }) }

// worker is the worker's side of a pool.
type worker struct {
	t      Transport
	setup  Setup
	space  *shm.Space
	cell   *layout.BoardCell
	ctx    context.Context
	budget int64

	reading sync.Mutex    // held by who reads the socket: run between tasks, watch while a long one runs
	long    chan struct{} // the running task takes long
	timer   *time.Timer   // that says so

	mu      sync.Mutex
	queue   []Task // received and not begun
	ids     []uint64
	stop    bool
	current uint64 // task that runs
	cancel  context.CancelCauseFunc
}

// watchAfter is how long a task runs before its driver is listened to meanwhile. Shorter tasks are spared two changes of goroutine.
const watchAfter = time.Millisecond

func workerMain() {
	c, err := sys.InheritedSocket(3)
	if err != nil {
		fmt.Fprintln(os.Stderr, "atrium: this worker process has no socket to its driver:", err)
		os.Exit(2)
	}
	w := &worker{t: NewStream(c), long: make(chan struct{}, 1)}
	w.timer = time.AfterFunc(watchAfter, func() {
		select {
		case w.long <- struct{}{}:
		default:
		}
	})
	if err := w.shake(); err != nil {
		_ = w.t.Send(Frame{Kind: KindRefused, Body: encodeError(wireError{Kind: "error", Type: "setup", Message: err.Error()}, err)})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	go w.watch()
	w.run()
}

func (w *worker) shake() error {
	hello, err := json.Marshal(Hello{Protocol: Protocol, Pid: os.Getpid(), Language: Go.String(), Version: runtime.Version()})
	if err != nil {
		return err
	}
	if err := w.t.Send(Frame{Kind: KindHello, Body: hello}); err != nil {
		return err
	}
	f, err := w.t.Receive()
	if err != nil {
		return err
	}
	if f.Kind != KindSetup {
		return fmt.Errorf("atrium: frame %d came where SETUP belongs", f.Kind)
	}
	if err := json.Unmarshal(f.Body, &w.setup); err != nil {
		return err
	}
	if w.space, err = shm.Open(w.setup.Space); err != nil {
		return err
	}
	if id := w.space.ID().String(); id != w.setup.SpaceID {
		return fmt.Errorf("atrium: %s is Space %s here and %s in the driver", w.setup.Space, id, w.setup.SpaceID)
	}
	board, err := shm.MapFile(w.setup.Board, true)
	if err != nil {
		return err
	}
	if w.cell = layout.Board(board.Bytes(), w.setup.Cell); w.cell == nil {
		return fmt.Errorf("atrium: the board %s has no cell %d", w.setup.Board, w.setup.Cell)
	}
	if w.budget = w.setup.Memory; w.budget > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(w.budget)
	}
	// What `ps` and `top` show. It is a courtesy: without it the process has the program's name.
	_ = os.WriteFile("/proc/self/comm", []byte("atrium-w"+strconv.Itoa(w.setup.Index)), 0)
	w.ctx = WithSession(context.Background(), &Session{w.space, shm.Owner{Slot: w.setup.Slot, Epoch: w.setup.Epoch}, w.setup.Tag})
	return w.t.Send(Frame{Kind: KindReady})
}

// watch listens to the driver while a long task runs.
func (w *worker) watch() {
	for range w.long {
		w.reading.Lock()
		for w.busy() {
			w.receive()
		}
		w.reading.Unlock()
	}
}

func (w *worker) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current != 0
}

// receive takes one frame. When the driver is gone, so are we. The caller holds reading.
func (w *worker) receive() {
	f, err := w.t.Receive()
	if err != nil {
		os.Exit(1)
	}
	switch f.Kind {
	case KindTask:
		t, err := parseTask(f.Body)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		w.mu.Lock()
		w.queue, w.ids = append(w.queue, t), append(w.ids, f.Task)
		w.mu.Unlock()
	case KindCancel:
		w.cancelTask(f.Task)
	case KindRecall:
		w.giveBack()
	case KindStop:
		w.mu.Lock()
		w.stop = true
		w.mu.Unlock()
	}
}

func (w *worker) cancelTask(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == id && w.cancel != nil {
		w.cancel(context.Canceled)
	}
}

func (w *worker) giveBack() {
	w.mu.Lock()
	var body []byte
	for _, id := range w.ids {
		body = binary.LittleEndian.AppendUint64(body, id)
	}
	w.queue, w.ids = nil, nil
	w.mu.Unlock()
	w.send(Frame{Kind: KindReturned, Body: body})
}

// next waits for a task; false when there will be none.
func (w *worker) next() (id uint64, t Task, ctx context.Context, ok bool) {
	for {
		w.mu.Lock()
		if len(w.queue) > 0 {
			t, id = w.queue[0], w.ids[0]
			w.queue, w.ids = w.queue[1:], w.ids[1:]
			w.current = id
			ctx, w.cancel = context.WithCancelCause(w.ctx)
			w.cell.Begun.Store(id) // under mu: what giveBack returns has never been begun
			w.mu.Unlock()
			return id, t, ctx, true
		}
		stop := w.stop
		w.mu.Unlock()
		if stop {
			return 0, Task{}, nil, false
		}
		w.reading.Lock()
		if !w.waiting() { // the watcher may have received something while we waited for it
			w.receive()
		}
		w.reading.Unlock()
	}
}

func (w *worker) waiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) > 0 || w.stop
}

func (w *worker) run() {
	for {
		id, t, ctx, ok := w.next()
		if !ok {
			break
		}
		w.timer.Reset(watchAfter)
		result, failed := Call(ctx, t)
		w.timer.Stop()
		w.mu.Lock()
		w.current = 0
		w.cancel(nil)
		w.mu.Unlock()
		w.cell.Finished.Store(id)
		if failed != nil {
			w.send(Frame{Kind: KindError, Task: id, Body: failed})
		} else {
			w.send(Frame{Kind: KindResult, Task: id, Body: result})
		}
		if w.budget > 0 && private() > w.budget {
			w.send(Frame{Kind: KindRetire})
			w.budget = 0
		}
	}
	if err := w.space.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// send ends the process when it cannot: nobody is left to work for, or the result is too large to tell of.
func (w *worker) send(f Frame) {
	if err := w.t.Send(f); err != nil {
		if len(f.Body) > maxFrame-frameHead {
			_ = w.t.Send(Frame{Kind: KindError, Task: f.Task, Body: encodeError(wireError{Kind: "error", Type: "result", Message: err.Error()}, err)})
			return
		}
		os.Exit(1)
	}
}

// private is this process's resident memory that no other shares, in bytes.
func private() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	f := strings.Fields(string(b))
	if err != nil || len(f) < 3 {
		return 0
	}
	resident, _ := strconv.ParseInt(f[1], 10, 64)
	shared, _ := strconv.ParseInt(f[2], 10, 64)
	return (resident - shared) * int64(os.Getpagesize())
}
