package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

func init() {
	parts["ring-put"] = func() *part { return bareRing(true) }
	parts["ring-get"] = func() *part { return bareRing(false) }
	parts["pipe-write"] = pipeWriter
}

// bareRing is one end of a ring with the slots of atrium's, one producer and one consumer, in which a slot's word is only the
// number of its turn: nobody knows who claimed it, and nobody is told of deaths. It waits as atrium does, but never sleeps.
func bareRing(puts bool) *part {
	const capacity = 1024
	var r rendezvous
	var m layout.MPMC
	var seg *shm.Segment
	var next uint64
	return &part{
		setup: func(with map[string]string, number int) error {
			space, err := r.open(with, 2)
			if err != nil {
				return err
			}
			size, err := layout.MPMCSize(capacity, 48)
			if err != nil {
				return err
			}
			if number == 0 {
				seg, err = space.Create("ring", int64(size), func(b []byte) error { return layout.InitMPMC(b, capacity, 48) })
			} else {
				seg, err = space.Attach("ring", true)
			}
			if err == nil {
				m, err = layout.OpenMPMC(seg.Bytes())
			}
			return err
		},
		round: func(seed int) (map[string]float64, error) {
			return r.round("message", queueSmall, func() error {
				sum := int64(0)
				for i := range queueSmall {
					w, full := m.Word(next), 2*m.Turn(next)
					if !puts {
						full++
					}
					for t := (ring.Turns{}); w.Load() != full; {
						if !t.Spin() {
							t = ring.Turns{}
						}
					}
					if puts {
						binary.NativeEndian.PutUint64(m.Data(next), uint64(seed+i))
					} else {
						sum += int64(binary.NativeEndian.Uint64(m.Data(next)))
					}
					w.Store(full + 1)
					next++
				}
				if puts {
					return nil
				}
				return checkSum(sum, 1, queueSmall, seed)
			})
		},
		close: r.close,
	}
}

// pipeReader is what pipeWriter starts.
const pipeReader = "bench.pipe"

func init() {
	process.Role(pipeReader, func(string) {
		var b [8]byte
		for {
			sum := int64(0)
			for range queueSmall / 4 {
				if _, err := os.Stdin.Read(b[:]); err != nil {
					os.Exit(0)
				}
				sum += int64(binary.NativeEndian.Uint64(b[:]))
			}
			fmt.Println(sum)
		}
	})
}

// pipeWriter writes each message into a pipe with one system call; the process at its other end reads with one.
func pipeWriter() *part {
	var cmd *exec.Cmd
	var in, out *os.File
	return &part{
		setup: func(map[string]string, int) (err error) {
			cmd = process.Self(pipeReader, "")
			r, w, err1 := os.Pipe()
			r2, w2, err2 := os.Pipe()
			if err1 != nil {
				return err1
			}
			if err2 != nil {
				return err2
			}
			cmd.Stdin, cmd.Stdout = r, w2
			in, out = w, r2
			_, err = process.Start(cmd)
			return err
		},
		round: func(seed int) (map[string]float64, error) {
			each, err := timed(queueSmall/4, func(n int) error {
				var b [8]byte
				for i := range n {
					binary.NativeEndian.PutUint64(b[:], uint64(seed+i))
					if _, err := in.Write(b[:]); err != nil {
						return err
					}
				}
				var sum int64
				if _, err := fmt.Fscan(out, &sum); err != nil {
					return err
				}
				return checkSum(sum, 1, n, seed)
			})
			return map[string]float64{"message": each}, err
		},
		close: func() error { return in.Close() },
	}
}
