package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"example.com/atrium/queue"
)

const (
	pipeTrips  = 20_000 // of a round in which both sides are busy
	pipeParked = 30     // of one with silence before each
	silence    = 10 * time.Millisecond
)

const (
	atriumPipe = "atrium, queue.Pipe"
	floorSpin  = "floor: spinning in C"
	floorFutex = "floor: futex in C"
	iceoryx2   = "iceoryx2, publish and subscribe"
	unixSocket = "Go, Unix socket"
)

// message is what goes there and back.
type message [64]byte

func pipeWorks() []work {
	parked := func(name, about, where string) work {
		return work{
			name:   name,
			about:  "round trip of 64 bytes between two processes after 10 ms of silence, " + about,
			series: []series{{name, atriumPipe, "trip", microseconds}},
			sides: []side{
				processes(atriumPipe, map[string]string{"cores": where}, "pipe-ask-parked", "pipe-answer-parked"),
				python("multiprocessing.Pipe", "pipes.py", map[string]any{"kind": "parked", "cores": where}),
				native(floorFutex, "pipe.c", "futex-"+where),
			},
		}
	}
	return []work{{
		name:   "pipe-hot",
		about:  "round trip of 64 bytes between two processes that do nothing else",
		series: []series{{"pipe-hot", atriumPipe, "trip", nanoseconds}},
		sides: []side{
			processes(atriumPipe, nil, "pipe-ask", "pipe-answer"),
			python("multiprocessing.Pipe", "pipes.py", map[string]any{"kind": "hot", "cores": ""}),
			processes(unixSocket, nil, "socket-ask", "socket-answer"),
			rust(iceoryx2, "iceoryx2"),
			native(floorSpin, "pipe.c", "spin"),
		},
	}, parked("pipe-parked", "on two cores", "two"), parked("pipe-parked-1core", "on one core", "one")}
}

func init() {
	parts["pipe-ask"] = func() *part { return asker(pipeTrips, 0) }
	parts["pipe-answer"] = func() *part { return answerer(pipeTrips) }
	parts["pipe-ask-parked"] = func() *part { return asker(pipeParked, silence) }
	parts["pipe-answer-parked"] = func() *part { return answerer(pipeParked) }
	parts["socket-ask"] = func() *part { return socketEnd(true) }
	parts["socket-answer"] = func() *part { return socketEnd(false) }
}

// trips times n round trips, each after a silence that does not count.
func trips(n int, quiet time.Duration, seed int, trip func(m *message) error) (float64, error) {
	var m message
	total := time.Duration(0)
	begun := time.Now()
	for i := range n {
		if quiet > 0 {
			<-time.After(quiet)
			begun = time.Now()
		}
		m[0], m[63] = byte(seed+i), byte(i)
		if err := trip(&m); err != nil {
			return 0, err
		}
		if m[0] != byte(seed+i) || m[63] != byte(i)+1 {
			return 0, fmt.Errorf("wrong answer: %d and %d to %d and %d", m[0], m[63], byte(seed+i), byte(i))
		}
		if quiet > 0 {
			total += time.Since(begun)
		}
	}
	if quiet == 0 {
		total = time.Since(begun)
	}
	return total.Seconds() / float64(n), nil
}

func asker(n int, quiet time.Duration) *part {
	var p *queue.Pipe[message]
	var r rendezvous
	ctx := context.Background()
	return &part{
		setup: func(with map[string]string, _ int) error {
			space, err := r.open(with, 2)
			if err == nil {
				p, err = queue.OpenPipe[message](space, "pipe")
			}
			return err
		},
		round: func(seed int) (map[string]float64, error) {
			if err := r.barrier.Wait(ctx); err != nil {
				return nil, err
			}
			each, err := trips(n, quiet, seed, func(m *message) error {
				err := p.Send(ctx, *m)
				if err == nil {
					*m, err = p.Recv(ctx)
				}
				return err
			})
			return map[string]float64{"trip": each}, err
		},
		close: r.close,
	}
}

// answerer sends back what comes, with one byte changed.
func answerer(n int) *part {
	var p *queue.Pipe[message]
	var r rendezvous
	ctx := context.Background()
	return &part{
		setup: func(with map[string]string, _ int) error {
			space, err := r.open(with, 2)
			if err == nil {
				p, err = queue.OpenPipe[message](space, "pipe")
			}
			return err
		},
		round: func(int) (map[string]float64, error) {
			if err := r.barrier.Wait(ctx); err != nil {
				return nil, err
			}
			for range n {
				m, err := p.Recv(ctx)
				if err != nil {
					return nil, err
				}
				m[63]++
				if err := p.Send(ctx, m); err != nil {
					return nil, err
				}
			}
			return map[string]float64{}, nil
		},
		close: r.close,
	}
}

// socketEnd is one end of a Unix socket in Go.
func socketEnd(asks bool) *part {
	var c net.Conn
	return &part{
		setup: func(with map[string]string, _ int) error {
			path := filepath.Join(with["space"], "socket")
			if !asks {
				var err error
				c, err = net.Dial("unix", path)
				return err
			}
			l, err := net.Listen("unix", path)
			if err != nil {
				return err
			}
			go func() {
				c, _ = l.Accept()
				l.Close()
			}()
			return nil
		},
		round: func(seed int) (map[string]float64, error) {
			if !asks {
				var m message
				for range pipeTrips {
					if _, err := c.Read(m[:]); err != nil {
						return nil, err
					}
					m[63]++
					if _, err := c.Write(m[:]); err != nil {
						return nil, err
					}
				}
				return map[string]float64{}, nil
			}
			each, err := trips(pipeTrips, 0, seed, func(m *message) error {
				if _, err := c.Write(m[:]); err != nil {
					return err
				}
				_, err := c.Read(m[:])
				return err
			})
			return map[string]float64{"trip": each}, err
		},
		close: func() error { return c.Close() },
	}
}
