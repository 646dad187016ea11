package cluster

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/internal/sys"
	"example.com/atrium/process"
	"example.com/atrium/python"
)

// Kinds of frames between the driver and its bridge.
const (
	bridgeStart   engine.Kind = 1  // D→B
	bridgeReady   engine.Kind = 2  // B→D
	bridgeRefused engine.Kind = 3  // B→D
	bridgePut     engine.Kind = 4  // D→B an array
	bridgeFree    engine.Kind = 5  // D→B
	bridgeSubmit  engine.Kind = 6  // D→B a chunk
	bridgeCancel  engine.Kind = 7  // D→B
	bridgePart    engine.Kind = 8  // B→D
	bridgeDone    engine.Kind = 9  // B→D
	bridgeFailed  engine.Kind = 10 // B→D
	bridgeResize  engine.Kind = 11 // B→D
	bridgeStop    engine.Kind = 12 // D→B
	bridgeFatal   engine.Kind = 13 // B→D
)

// boot runs the bridge from descriptor 4, as __main__, whose functions Ray and Dask send by value. The working directory waits until
// the bridge has what it imports of the standard library.
const boot = `import sys
here = sys.path[:1] == [""]
if here:
    del sys.path[0]
with open(4, "rb") as f:
    source = f.read()
code = compile(source.replace(b'if __name__ == "__main__":', b'if here:\n    sys.path.insert(0, "")\nif __name__ == "__main__":'), "<atrium_bridge>", "exec")
exec(code)
`

// start is the first frame to the bridge.
type start struct {
	Kind    Kind           `json:"kind"`
	Address string         `json:"address"`
	Options map[string]any `json:"options"`
	Task    map[string]any `json:"task"`
	Program string         `json:"program"`
	Args    []string       `json:"args"`
	GOOS    string         `json:"goos"`
	GOARCH  string         `json:"goarch"`
	Node    string         `json:"node"` // the source of atrium_node.py
	Config  nodeConfig     `json:"config"`
}

// Info is what is known of the engine.
type Info struct {
	Engine    string `json:"engine"`
	Version   string `json:"version"`
	Python    string `json:"python"`
	Dashboard string `json:"dashboard"` // "" when it has none
	Slots     int    `json:"slots"`     // tasks at once when it was opened
}

// bridge is the process that speaks to the engine.
type bridge struct {
	kind Kind
	proc *process.Process
	t    engine.Transport
	out  sync.WaitGroup

	mu   sync.Mutex
	tail []string
}

// tailLines are kept of what the bridge prints.
const tailLines = 20

func launch(kind Kind, interpreter string) (*bridge, error) {
	interpreter, err := process.Interpreter(interpreter)
	if err != nil {
		return nil, err
	}
	script, err := sys.MemoryFile("atrium_bridge.py", python.Bridge)
	if err != nil {
		return nil, err
	}
	defer script.Close()
	conn, theirs, err := sys.SocketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	r, w, err := os.Pipe()
	if err != nil {
		conn.Close()
		return nil, err
	}
	cmd := exec.Command(interpreter, "-c", boot)
	cmd.Env = append(os.Environ(), "RAY_DEDUP_LOGS=0", "PYTHONUNBUFFERED=1")
	cmd.ExtraFiles = []*os.File{theirs, script}
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // the terminal's signals are the driver's to handle
	p, err := process.Start(cmd)
	w.Close()
	if err != nil {
		r.Close()
		conn.Close()
		return nil, err
	}
	b := &bridge{kind: kind, proc: p, t: engine.NewStream(conn)}
	b.out.Go(func() { b.follow(r) })
	go func() { // the engine's own processes may keep the pipe open
		<-p.Done()
		_ = r.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
	}()
	return b, nil
}

func (b *bridge) follow(r *os.File) {
	defer r.Close()
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\n"); line != "" {
			b.mu.Lock()
			if b.tail = append(b.tail, line); len(b.tail) > tailLines {
				b.tail = b.tail[1:]
			}
			b.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// lost is the error of a bridge that does not answer any more.
func (b *bridge) lost(why string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &BridgeError{b.kind, why, append([]string(nil), b.tail...)}
}

// hello starts the engine and waits until it answers.
func (b *bridge) hello(s start, within time.Duration) (info Info, err error) {
	body, err := json.Marshal(s)
	if err != nil {
		return info, fmt.Errorf("atrium: the options for %s cannot be sent: %w", s.Kind, err)
	}
	late := time.AfterFunc(within, func() { _ = b.proc.Signal(os.Kill) })
	defer late.Stop()
	err = b.t.Send(engine.Frame{Kind: bridgeStart, Body: body})
	var f engine.Frame
	if err == nil {
		f, err = b.t.Receive()
	}
	switch {
	case err != nil && !late.Stop():
		return info, b.lost(fmt.Sprintf("%s did not answer within %v", where(s), within))
	case err != nil:
		<-b.proc.Done()
		b.out.Wait()
		return info, b.lost("the bridge ended: " + b.proc.Exit().String())
	case f.Kind == bridgeRefused:
		return info, fmt.Errorf("atrium: %s: %s", where(s), f.Body)
	case f.Kind != bridgeReady:
		return info, fmt.Errorf("atrium: frame %d came where the bridge's answer belongs", f.Kind)
	}
	return info, json.Unmarshal(f.Body, &info)
}

func where(s start) string {
	if s.Address == "" {
		return string(s.Kind) + " on this machine"
	}
	return string(s.Kind) + " at " + s.Address
}

// kill ends the bridge, and with it an engine that it started.
func (b *bridge) kill() {
	_ = b.proc.Kill() // fails when it is gone
	b.t.Close()
	b.out.Wait()
}
