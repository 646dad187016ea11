package cluster

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/engine/local"
	"example.com/atrium/internal/sys"
	"example.com/atrium/ndarray"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

// role is what this binary is started for by a worker process of the engine; its argument is the socket's descriptor.
const role = "node"

func init() { process.Role(role, nodeMain) }

// nodeConfig is what a driver tells its nodes.
type nodeConfig struct {
	Session string        `json:"session"`  // random: names the Spaces of this driver's nodes
	GivenAs string        `json:"given_as"` // how paths of files begin that results give to the driver
	Grace   time.Duration `json:"grace"`
	Memory  int64         `json:"memory"`
	Python  string        `json:"python"` // for Python functions; "": the engine's own
	Import  []string      `json:"import"`
	Path    []string      `json:"path"`
	Env     []string      `json:"env"`
	Dir     string        `json:"dir"` // the driver's, taken where it exists
}

// setup is what the engine's worker process tells its node first.
type setup struct {
	Config nodeConfig `json:"config"`
	Node   string     `json:"node"`   // which machine, or part of one, this is
	Slots  int        `json:"slots"`  // tasks that the engine runs at once in this process
	Python string     `json:"python"` // its interpreter
	Pid    int        `json:"pid"`    // of that process
}

type node struct {
	t     engine.Transport
	setup setup
	space *shm.Space
	e     *local.Engine
	names ndarray.Abroad

	mu     sync.Mutex
	chunks map[uint64]*running
	lines  []engine.Output
	bytes  int // of lines
}

// running is a chunk that is under way.
type running struct {
	n     *node
	id    uint64
	begun time.Time
	mu    sync.Mutex
	jobs  []engine.Job
	items []item
	files [][2]string // that results carry: what the driver will call them, and where they are
	left  int
	why   string // the first failure, for the engine's dashboard
}

// errEnded is what items of a chunk are cancelled for.
var errEnded = errors.New("the driver cancelled it")

const (
	// maxLines and maxLineBytes bound what is kept of output until the next outcome takes it along.
	maxLines     = 10_000
	maxLineBytes = 4 << 20
	full         = 1 << 30 // so many bytes are said of lines when some were left out
	// linesAfter is how long an outcome waits for lines that its calls printed, which come through pipes.
	linesAfter = 2 * time.Millisecond
	longCall   = 10 * time.Millisecond
)

// detached is the argument of a node that is nobody's child: Ray kills the children of a worker process that ends, and a node has
// things to put in order then. It ends with its socket.
const detached = "detached"

func detach(arg string) error {
	fd, err := strconv.Atoi(arg)
	if err != nil {
		return errors.New("atrium: a node needs the number of its socket")
	}
	socket := os.NewFile(uintptr(fd), "socket")
	defer socket.Close()
	cmd := process.Self(role, detached)
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = []*os.File{socket}, os.Stdout, os.Stderr
	return cmd.Start()
}

func nodeMain(arg string) {
	if arg != detached {
		if err := detach(arg); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		os.Exit(0)
	}
	c, err := sys.InheritedSocket(3)
	if err != nil {
		fmt.Fprintln(os.Stderr, "atrium: this node has no socket to the engine's worker:", err)
		os.Exit(2)
	}
	n := &node{t: engine.NewStream(c), chunks: map[uint64]*running{}}
	if err := n.begin(); err != nil {
		_ = n.t.Send(engine.Frame{Kind: nodeRefused, Body: []byte(err.Error())}) // who is gone needs no reason
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	over := make(chan struct{})
	go n.listen(over)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	for alive := true; alive; {
		select {
		case <-over:
			alive = false
		case <-stop:
			alive = false
		case <-time.After(time.Second): // somebody else may have the socket open
			alive = !errors.Is(syscall.Kill(n.setup.Pid, 0), syscall.ESRCH)
		}
	}
	n.end()
	os.Exit(0)
}

func (n *node) begin() error {
	f, err := n.t.Receive()
	if err != nil {
		return err
	}
	if f.Kind != nodeSetup {
		return fmt.Errorf("atrium: frame %d came where a setup belongs", f.Kind)
	}
	if err := json.Unmarshal(f.Body, &n.setup); err != nil {
		return err
	}
	s, cfg := &n.setup, &n.setup.Config
	name := "cluster-" + cfg.Session + "-" + s.Node
	if err := shm.CheckName(name); err != nil {
		return err
	}
	if cfg.Dir != "" {
		_ = os.Chdir(cfg.Dir) // where there is none of that name, functions are found by their module's
	}
	os.Unsetenv("ATRIUM_SPACE") // the driver's, on this machine perhaps
	if n.space, err = shm.Open(name); err != nil {
		return err
	}
	n.sweep()
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	n.names = ndarray.Abroad{
		Copies:  n.space.Path() + "/in-",
		Given:   n.space.Path() + "/" + n.space.TagPrefix("w"),
		GivenAs: cfg.GivenAs + strconv.FormatUint(binary.LittleEndian.Uint64(id[:]), 10) + ".",
	}
	slots := max(1, s.Slots)
	python := cfg.Python
	if python == "" {
		python = s.Python
	}
	n.e, err = local.New(local.Config{Workers: slots, Threads: max(1, sys.CPUs()/slots), Space: n.space, Python: python, Import: cfg.Import, Path: cfg.Path,
		Env: cfg.Env, Memory: cfg.Memory, Grace: cfg.Grace, Abroad: &n.names, Output: n.print})
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"pid": os.Getpid(), "space": n.space.Path(), "copies": n.names.Copies})
	if err != nil {
		return err
	}
	return n.t.Send(engine.Frame{Kind: nodeReady, Body: body})
}

// spaceName is what nodes call their Spaces, and nobody else.
var spaceName = regexp.MustCompile(`^cluster-[a-z2-7]{16}-[0-9a-f]{16}$`)

// sweep removes the Spaces of nodes whose processes were all killed.
func (n *node) sweep() {
	all, _ := filepath.Glob(filepath.Join(filepath.Dir(n.space.Path()), "cluster-*"))
	for _, path := range all {
		if path != n.space.Path() && spaceName.MatchString(filepath.Base(path)) {
			_ = shm.RemoveSpace(path) // refused while anybody is in it
		}
	}
}

// end leaves nothing of this node. The last one in the Space removes it with the copies of arrays.
func (n *node) end() {
	_ = n.t.Close() // so that what ends now is a death to the engine's process, and no outcome
	if err := n.e.Terminate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	path := n.space.Path()
	if err := n.space.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := shm.RemoveSpace(path); err != nil && !errors.Is(err, shm.ErrSpaceBusy) && !errors.Is(err, os.ErrNotExist) {
		fmt.Fprintln(os.Stderr, err)
	}
}

func (n *node) listen(over chan<- struct{}) {
	defer close(over)
	for {
		f, err := n.t.Receive()
		if err != nil {
			return
		}
		switch f.Kind {
		case nodeChunk:
			n.run(f.Task, f.Body)
		case nodeCancel:
			n.cancel(f.Task, f.Body)
		default:
			fmt.Fprintf(os.Stderr, "atrium: a frame of kind %d is of another release\n", f.Kind)
			return
		}
	}
}

func (n *node) run(id uint64, body []byte) {
	var c chunk
	r := &running{n: n, id: id, begun: time.Now()}
	if err := c.decode(body); err != nil {
		r.why = err.Error()
		r.tell()
		return
	}
	r.items, r.left, r.jobs = make([]item, len(c.args)), len(c.args), make([]engine.Job, len(c.args))
	n.mu.Lock()
	n.chunks[id] = r
	n.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	t := c.task
	for i, arg := range c.args {
		t.Arg = arg
		r.jobs[i] = n.e.Submit(t, func(o engine.Outcome) { r.done(i, o) })
	}
	if len(c.args) == 0 {
		go r.tell()
	}
}

// cancel ends items of a chunk, or all that are left of it.
func (n *node) cancel(id uint64, body []byte) {
	n.mu.Lock()
	r := n.chunks[id]
	n.mu.Unlock()
	if r == nil {
		return
	}
	r.mu.Lock()
	jobs := r.jobs
	if len(body) >= 4 {
		jobs = nil
		for ; len(body) >= 4; body = body[4:] {
			if i := int(binary.LittleEndian.Uint32(body)); i < len(r.jobs) {
				jobs = append(jobs, r.jobs[i])
			}
		}
	}
	jobs = slices.Clone(jobs)
	r.mu.Unlock()
	slices.Reverse(jobs) // so that none is begun for nothing
	for _, j := range jobs {
		j.Cancel(errEnded)
	}
}

func (r *running) done(i int, o engine.Outcome) {
	it := item{status: itemResult, body: slices.Clone(o.Result)} // which is the engine's
	files, err := r.n.keep(it.body)
	if err != nil && o.Err == nil {
		o.Err = err
	}
	if o.Err != nil {
		it = item{status: itemFailed, body: engine.EncodeFailure(o.Err)}
		if errors.Is(o.Err, errEnded) {
			it.status = itemEnded
		}
	}
	go func() { // Submit may call done, and what comes must not block
		r.mu.Lock()
		r.items[i] = it
		r.files = append(r.files, files...)
		r.left--
		if o.Err != nil && it.status == itemFailed && r.why == "" {
			r.why = o.Err.Error()
		}
		last := r.left == 0
		r.mu.Unlock()
		if last {
			r.tell()
		}
	}()
}

// tell sends what became of the chunk.
func (r *running) tell() {
	n := r.n
	took := time.Since(r.begun)
	if took > longCall {
		<-time.After(linesAfter)
	}
	o := outcome{took: took, pid: os.Getpid(), items: r.items}
	n.mu.Lock()
	delete(n.chunks, r.id)
	o.lines, n.lines, n.bytes = n.lines, nil, 0
	n.mu.Unlock()
	head := appendLong(nil, []byte(r.why))
	head = binary.LittleEndian.AppendUint16(head, uint16(len(r.files)))
	for _, f := range r.files {
		head = appendShort(appendShort(head, f[0]), f[1])
	}
	body := o.encode()
	for len(body) > maxPart {
		_ = n.t.Send(engine.Frame{Kind: nodePart, Task: r.id, Body: body[:maxPart]}) // listen sees a broken socket
		body = body[maxPart:]
	}
	_ = n.t.Send(engine.Frame{Kind: nodeDone, Task: r.id, Body: append(head, body...)})
}

// keep takes the files that a result carries away from the worker, whose death would take them along, and lists what the driver will call
// them and where they are.
func (n *node) keep(result []byte) (files [][2]string, err error) {
	prefix := []byte(n.names.GivenAs)
	for b := result; err == nil; {
		i := bytes.Index(b, prefix)
		if i < 0 {
			break
		}
		b = b[i:]
		end := len(prefix)
		for end < len(b) && (b[end] == '.' || b[end] == '-' || '0' <= b[end] && b[end] <= '9') {
			end++
		}
		name := string(b[:end])
		b = b[end:]
		if slices.ContainsFunc(files, func(f [2]string) bool { return f[0] == name }) {
			continue
		}
		kept := filepath.Join(n.space.Path(), n.space.Reserve(""))
		err = os.Rename(n.names.Given+name[len(prefix):], kept)
		files = append(files, [2]string{name, kept})
	}
	return files, err
}

// print keeps a line for the next outcome, and writes it where the engine's logs are.
func (n *node) print(o engine.Output) {
	w := os.Stdout
	if o.Stderr {
		w = os.Stderr
	}
	fmt.Fprintln(w, strings.ToValidUTF8(o.Text, "\uFFFD"))
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.lines) >= maxLines || n.bytes >= maxLineBytes {
		if n.bytes < full {
			n.bytes = full
			n.lines = append(n.lines, engine.Output{Stderr: true, Text: "atrium: more was printed than is sent; all of it is in the engine's logs"})
		}
		return
	}
	n.lines, n.bytes = append(n.lines, o), n.bytes+len(o.Text)
}
