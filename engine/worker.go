package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/internal/sys"
	"example.com/atrium/ndarray"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

// Role is what a child is started for that runs a driver's tasks; its socket is descriptor 3.
const Role = "worker"

func init() { process.Role(Role, func(string) { workerMain() }) }

// worker is the worker's side of a pool.
type worker struct {
	socket Transport // for the handshake, and to learn of the driver's end
	t      *Rings
	setup  Setup
	space  *shm.Space
	cell   *layout.BoardCell
	ctx    context.Context
	budget int64

	urgent  *ring.Bell  // rung for what must be heard while a task runs
	reading sync.Mutex  // held by who reads the rings: run between tasks, watch when it was rung for
	rung    atomic.Bool // watch was, and perhaps found reading taken

	frames [64]Frame // that were received; by who holds reading, like room
	room   []byte    // for their bodies

	mu        sync.Mutex
	queue     []queued // received; those from at on have not begun
	at        int
	known     known
	low       int // tasks left at which the driver is told that half of them are done
	stop      bool
	current   uint64 // task that runs, or ran last
	running   *taskContext
	cancelled uint64 // task that was cancelled before it began

	contexts []taskContext // for tasks to come

	start time.Time
	woken atomic.Int64 // when we last woke the driver, in ns since start
	owing atomic.Bool  // results are there that it was not woken for
	timed atomic.Bool  // and a timer sees to it
}

// A driver that sleeps is woken for each result of a worker that is about to have nothing to do, and else not more often
// than this: waking it costs a worker its processor for 20 to 50 µs where there are as many workers as processors.
const (
	wakeEvery = 2 * time.Millisecond
	wakeAt    = 2 // tasks that are left
)

func workerMain() {
	c, err := sys.InheritedSocket(3)
	if err != nil {
		fmt.Fprintln(os.Stderr, "atrium: this worker process has no socket to its driver:", err)
		os.Exit(2)
	}
	w := &worker{socket: NewStream(c), start: time.Now()}
	if err := w.shake(); err != nil {
		_ = w.socket.Send(Frame{Kind: KindRefused, Body: encodeError(wireError{Kind: "error", Type: "setup", Message: err.Error()}, err)})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	go w.watch()
	go func() { // when the driver is gone, so are we
		_, _ = w.socket.Receive()
		os.Exit(1)
	}()
	w.run()
}

func (w *worker) shake() error {
	hello, err := json.Marshal(Hello{Protocol: Protocol, Pid: os.Getpid(), Language: Go.String(), Version: runtime.Version()})
	if err != nil {
		return err
	}
	if err := w.socket.Send(Frame{Kind: KindHello, Body: hello}); err != nil {
		return err
	}
	f, err := w.socket.Receive()
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
	if w.setup.Abroad != nil {
		ndarray.SetAbroad(*w.setup.Abroad)
	}
	board, err := shm.MapFile(w.setup.Board, true)
	if err != nil {
		return err
	}
	if w.cell = layout.Board(board.Bytes(), w.setup.Cell); w.cell == nil {
		return fmt.Errorf("atrium: the board %s has no cell %d", w.setup.Board, w.setup.Cell)
	}
	bell := layout.BoardBell(board.Bytes(), w.setup.Bell)
	if bell == nil {
		return fmt.Errorf("atrium: the board %s has no cell %d", w.setup.Board, w.setup.Bell)
	}
	if w.urgent = layout.BoardBell(board.Bytes(), w.setup.Urgent); w.urgent == nil {
		return fmt.Errorf("atrium: the board %s has no cell %d", w.setup.Board, w.setup.Urgent)
	}
	rings, err := shm.MapFile(w.setup.Rings, true)
	if err != nil {
		return err
	}
	t, err := NewRings(rings.Bytes(), bell, false)
	if err != nil {
		return err
	}
	if w.budget = w.setup.Memory; w.budget > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(w.budget)
	}
	// What `ps` and `top` show. It is a courtesy: without it the process has the program's name.
	_ = os.WriteFile("/proc/self/comm", []byte("atrium-w"+strconv.Itoa(w.setup.Index)), 0)
	w.ctx = WithSession(context.Background(), &Session{w.space, shm.Owner{Slot: w.setup.Slot, Epoch: w.setup.Epoch}, w.setup.Tag})
	w.t = t
	return w.socket.Send(Frame{Kind: KindReady})
}

// owe wakes the driver for results that it has not been woken for. One timer sees to many short tasks: one for each would cost
// more than they do.
func (w *worker) owe() {
	if since := time.Since(w.start) - time.Duration(w.woken.Load()); since < wakeEvery {
		time.AfterFunc(wakeEvery-since, w.owe)
		return
	}
	w.timed.Store(false) // pairs with tell: a result from now on starts another timer, or we see it
	if w.owing.Swap(false) {
		w.wake()
	}
}

func (w *worker) wake() {
	w.woken.Store(int64(time.Since(w.start)))
	w.t.Wake()
}

// watch listens to what the driver has to say about the running task, and about those that wait behind it. It has a thread that
// sleeps, as a timer for each task would cost more.
func (w *worker) watch() {
	for {
		word := ring.Arm(w.urgent)
		w.rung.Store(true) // pairs with next, which holds reading for a moment, or looks again when it has received something
		if w.reading.TryLock() {
			w.soak()
			w.reading.Unlock()
		}
		ring.Sleep(w.urgent, word, waitBound)
	}
}

// receive waits for a frame. The caller holds reading.
func (w *worker) receive() {
	f, err := w.t.Receive()
	w.check(err)
	w.frames[0] = f
	w.took(1)
}

func (w *worker) check(err error) {
	if err != nil { // the rings are damaged
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

const (
	roomSize  = 16 << 10
	roomLeast = 1 << 10
)

// soak takes the frames that have come. The caller holds reading.
func (w *worker) soak() {
	for w.t.Ready() {
		if len(w.room) < roomLeast {
			w.room = make([]byte, roomSize) // who has parts of the old one keeps it
		}
		n, left, err := w.t.TryReceiveAll(w.frames[:], w.room)
		w.room = left
		w.took(n)
		w.check(err)
		if n == 0 { // half a frame
			return
		}
	}
}

// took acts on the first n frames. The caller holds reading.
func (w *worker) took(n int) {
	var back []Frame
	w.mu.Lock()
	for i := range w.frames[:n] {
		switch f := &w.frames[i]; f.Kind {
		case KindTask:
			w.add(f)
		case KindCancel:
			w.cancelTask(f.Task)
		case KindRecall:
			back = append(back, w.giveBack())
		case KindStop:
			w.stop = true
		}
	}
	w.mu.Unlock()
	clear(w.frames[:n])
	for _, f := range back {
		w.send(f)
	}
}

// add queues a task. The caller holds mu.
func (w *worker) add(f *Frame) {
	if w.at == len(w.queue) {
		w.queue, w.at = w.queue[:0], 0
	}
	q := queued{id: f.Task}
	if err := w.known.parse(f.Body, &q); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	w.queue = append(w.queue, q)
	w.low = (len(w.queue) - w.at) / 2
}

// left is how many tasks wait. The caller holds mu.
func (w *worker) left() int { return len(w.queue) - w.at }

// cancelTask has a task end that runs, or is to. The caller holds mu.
func (w *worker) cancelTask(id uint64) {
	if w.current == id && w.running != nil {
		w.running.cancel(context.Canceled)
	} else if slices.ContainsFunc(w.queue[w.at:], func(q queued) bool { return q.id == id }) {
		w.cancelled = id
	}
}

// giveBack empties the queue, and tells what was in it. The caller holds mu.
func (w *worker) giveBack() Frame {
	var body []byte
	for _, q := range w.queue[w.at:] {
		body = binary.LittleEndian.AppendUint64(body, q.id)
	}
	clear(w.queue)
	w.queue, w.at = w.queue[:0], 0
	return Frame{Kind: KindReturned, Body: body}
}

// tell sends what became of a task, and wakes the driver for it soon.
func (w *worker) tell(f Frame) {
	if !w.t.TrySend(f) {
		w.send(f)
		return
	}
	if !w.t.Awaited() { // it is awake, and looks again before it sleeps
		return
	}
	w.mu.Lock()
	left := w.left()
	half := left <= w.low
	if half {
		w.low = 0 // this is told once
	}
	w.mu.Unlock()
	if half || left <= wakeAt || time.Since(w.start)-time.Duration(w.woken.Load()) >= wakeEvery {
		w.owing.Store(false)
		w.wake()
		return
	}
	w.owing.Store(true)
	if !w.timed.Load() && w.timed.CompareAndSwap(false, true) {
		time.AfterFunc(wakeEvery, w.owe)
	}
}

// next waits for a task; false when there will be none.
func (w *worker) next() (q queued, ctx *taskContext, ok bool) {
	for {
		for again := true; again && w.reading.TryLock(); again = w.rung.Load() {
			w.rung.Store(false)
			w.soak() // so that nothing is begun that was called back, and tell knows what is left
			w.reading.Unlock()
		}
		w.mu.Lock()
		if w.left() > 0 {
			if len(w.contexts) == 0 {
				w.contexts = make([]taskContext, 32)
			}
			ctx, w.contexts = &w.contexts[0], w.contexts[1:]
			ctx.parent = w.ctx
			q, w.queue[w.at] = w.queue[w.at], queued{}
			w.at++
			w.current, w.running = q.id, ctx
			if q.id == w.cancelled {
				ctx.cancel(context.Canceled)
			}
			w.cell.Begun.Store(q.id) // under mu: what giveBack returns has never been begun
			w.mu.Unlock()
			return q, ctx, true
		}
		stop := w.stop
		w.mu.Unlock()
		if stop {
			return queued{}, nil, false
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
	return w.left() > 0 || w.stop
}

func (w *worker) run() {
	for {
		q, ctx, ok := w.next()
		if !ok {
			break
		}
		var result, failed []byte
		if err := ctx.Err(); err != nil { // cancelled before it began
			failed = encodeError(wireError{Kind: "error", Type: fmt.Sprintf("%T", err), Message: err.Error()}, err)
		} else if q.f == nil {
			result, failed = Call(ctx, q.Task) // which tells
		} else {
			result, failed = call(ctx, q.f, &q.Task)
		}
		ctx.end()
		w.cell.Finished.Store(q.id)
		if w.budget > 0 && private() > w.budget { // before the result: the driver listens for that, and perhaps no longer
			w.send(Frame{Kind: KindRetire})
			w.budget = 0
		}
		if failed != nil {
			w.tell(Frame{Kind: KindError, Task: q.id, Body: failed})
		} else {
			w.tell(Frame{Kind: KindResult, Task: q.id, Body: result})
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
