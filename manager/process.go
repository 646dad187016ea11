package manager

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"example.com/atrium/connection"
	"example.com/atrium/internal/sys"
)

// A process is one that has connected by a Unix socket. Its references are given back when it is dead.
type process struct {
	pid   int
	start string // when it started, which tells it from a later one of the same pid

	// Guarded by the objects' mu:
	sessions int // open connections that call methods
	objects  map[*object]struct{}
}

// processOf tells whose a connection is; nil when nobody knows.
func (t *objects) processOf(conn *connection.Conn) *process {
	pid, _, ok := conn.Peer()
	if !ok || pid <= 0 {
		return nil
	}
	t.mu.RLock()
	p := t.processes[pid]
	same := p != nil && p.sessions > 0 // it lives, so its pid is nobody else's
	t.mu.RUnlock()
	if same {
		return p
	}
	start, _, err := status(pid)
	if err != nil {
		return nil // dead already, or not to be seen from here
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p = t.processes[pid]
	if p != nil && p.start != start {
		t.release(p)
		p = nil
	}
	if p == nil {
		p = &process{pid: pid, start: start, objects: map[*object]struct{}{}}
		t.processes[pid] = p
	}
	return p
}

// current is p as it is known, as it may have been forgotten since it was looked up. The caller holds mu.
func (t *objects) current(p *process) *process {
	switch q := t.processes[p.pid]; {
	case q == nil:
		t.processes[p.pid] = p
	case q.start == p.start:
		return q
	}
	return p
}

// release takes all references of a dead process. The caller holds mu.
func (t *objects) release(p *process) {
	for o := range p.objects {
		for range o.by[p] {
			t.unrefer(o, p)
		}
	}
	t.tidy(p)
}

// join and leave count the sessions of a process.
func (t *objects) join(p *process) *process {
	if p == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p = t.current(p)
	p.sessions++
	return p
}

func (t *objects) leave(p *process) {
	if p == nil {
		return
	}
	t.mu.Lock()
	p.sessions--
	t.tidy(p)
	t.mu.Unlock()
	t.watch(p)
}

// watch has the sweep look after a process, if it has to.
func (t *objects) watch(p *process) {
	if p == nil {
		return
	}
	t.mu.RLock()
	idle := p.sessions == 0
	t.mu.RUnlock()
	if idle {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// tidy forgets a process of which nothing is left. The caller holds mu.
func (t *objects) tidy(p *process) {
	if p.sessions == 0 && len(p.objects) == 0 && t.processes[p.pid] == p {
		delete(t.processes, p.pid)
	}
}

// alive is false when the process is certainly dead.
func (p *process) alive() bool {
	start, state, err := status(p.pid)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return start == p.start && state != "Z" && state != "X"
}

// status reads a process's state, and its start time in ticks since boot.
func status(pid int) (start, state string, err error) {
	var buf [1024]byte
	n, err := sys.ReadShort("/proc/"+strconv.Itoa(pid)+"/stat", buf[:])
	if err != nil {
		if errors.Is(err, syscall.ESRCH) { // it ended between open and read
			err = fs.ErrNotExist
		}
		return "", "", err
	}
	stat := string(buf[:n])
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // the name may hold anything
	if len(fields) < 20 {
		return "", "", errors.New("/proc/PID/stat has too few fields")
	}
	return fields[19], fields[0], nil
}
