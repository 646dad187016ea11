package local

import (
	"net"
	"os"

	"example.com/atrium/internal/sys"
	"example.com/atrium/process"
)

// launched is a process with its ends of what connects it to us.
type launched struct {
	proc   *process.Process
	conn   *net.UnixConn
	output waiter
}

func (w *worker) launch() (*launched, error) {
	l := &launched{}
	cmd, files, err := w.e.command(w.g.language)
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if err != nil {
		return nil, err
	}
	conn, theirs, err := sys.SocketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd.ExtraFiles = append([]*os.File{theirs}, files...)
	out, errOut, err := l.output.pipes(cmd)
	if err != nil {
		conn.Close()
		return nil, err
	}
	l.proc, err = process.Start(cmd)
	cmd.Stdout.(*os.File).Close()
	cmd.Stderr.(*os.File).Close()
	if err != nil {
		out.Close()
		errOut.Close()
		conn.Close()
		return nil, err
	}
	l.conn = conn
	w.e.mu.Lock()
	w.proc = l.proc
	life := w.life
	if w.state == stopping { // killed before it was born
		w.kill()
	}
	w.e.unlock()
	l.output.follow(l.proc, out, func(line string) { w.print(life, false, line) })
	l.output.follow(l.proc, errOut, func(line string) { w.print(life, true, line) })
	return l, nil
}
