// Command shared-array shows the classic case of shared memory: a parent makes an array, child processes change their parts of it in
// place, and the parent sees what they did. NumPy looks on, with nothing of ours installed. In the end it shows what goes
// wrong when several processes change the same element, and one way to do it right.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"

	"example.com/atrium"
	"example.com/atrium/ndarray"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

func main() {
	atrium.Main() // a child process starts here, and never gets further
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	space, err := shm.Open("")
	if err != nil {
		return err
	}
	defer space.Close()
	return errors.Join(parts(ctx, out, space), count(ctx, out, space))
}

const processes = 4

// square is what a child does: it finds the array by its name and squares the elements of its part.
var square = process.Func("square", func(_ context.Context, args []string) error {
	var name string
	var lo, hi int
	if err := scan(args, &name, &lo, &hi); err != nil {
		return err
	}
	space, err := shm.Open("") // the parent's: children inherit ATRIUM_SPACE
	if err != nil {
		return err
	}
	defer space.Close()
	a, err := ndarray.OpenRW[float64](space, name)
	if err != nil {
		return err
	}
	defer a.Close()
	data, _ := a.Slice(lo, hi).Data() // a plain []float64 of the shared pages
	for i := range data {
		data[i] *= data[i]
	}
	return nil
})

// parts has four processes change a quarter of an array each.
func parts(ctx context.Context, out io.Writer, space *shm.Space) error {
	const n = 1_000_000
	a, err := ndarray.New[float64](space, "squares", n)
	if err != nil {
		return err
	}
	defer space.Remove("squares") // the name; the memory goes with the last process that has it open
	defer a.Close()
	data, _ := a.Data()
	for i := range data {
		data[i] = float64(i)
	}
	err = inProcesses(ctx, square, func(i int) []string {
		return []string{"squares", fmt.Sprint(i * n / processes), fmt.Sprint((i + 1) * n / processes)}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d processes squared their parts: a[10] = %v, a[999999] = %v\n", processes, a.At(10), a.At(n-1))
	return lookOn(ctx, out, a.Segment().Path())
}

// lookOn has stock NumPy map the same pages: the array's file is a .npy.
func lookOn(ctx context.Context, out io.Writer, path string) error {
	python, err := process.Interpreter("")
	if err == nil {
		err = exec.CommandContext(ctx, python, "-c", "import numpy").Run()
	}
	if err != nil {
		fmt.Fprintln(out, "NumPy is not here to look on")
		return nil
	}
	const script = `import sys, numpy as np
a = np.load(sys.argv[1], mmap_mode="r")
print("NumPy sees", a.dtype, a.shape, "a[10] =", a[10])`
	cmd := exec.CommandContext(ctx, python, "-c", script, path)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd.Run()
}

// inProcesses starts f four times, with arguments for each, and waits for all.
func inProcesses(ctx context.Context, f *process.Function, args func(i int) []string) error {
	var all []*process.Process
	for i := range processes {
		p, err := f.Start(args(i)...)
		if err != nil {
			return err
		}
		defer p.Kill() // no effect on one that has ended
		all = append(all, p)
	}
	for _, p := range all {
		exit, err := p.Join(ctx)
		if err != nil {
			return err
		}
		if exit != (process.Exit{}) {
			return fmt.Errorf("process %d: %v", p.Pid(), exit)
		}
	}
	return nil
}

func scan(args []string, into ...any) error {
	if len(args) != len(into) {
		return fmt.Errorf("%d arguments where %d belong", len(args), len(into))
	}
	for i, arg := range args {
		if _, err := fmt.Sscan(arg, into[i]); err != nil {
			return err
		}
	}
	return nil
}
