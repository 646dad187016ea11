// Package kernel has the array functions that are built into atrium, "go:NAME" to `atrium map`. Each says itself how
// its input is cut (into blocks of rows, with how many rows around them, or into whole images), how often it has to see
// the input, and what its output is like; workers write results straight into the output array. What a kernel writes does not
// depend on how the input was cut, to the last bit.
//
// An image is H×W or H×W×C with at most 4 channels, which are treated one by one. N×H×W, and N×H×W×C, is a stack of images.
package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/atrium/internal/kernel/elements"
	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/pool"
)

// ErrNotFound is that no kernel has the name, ErrInput that a kernel cannot work on such an array.
var (
	ErrNotFound = errors.New("no such built-in function")
	ErrInput    = errors.New("cannot take this array")
)

// Prefix is what the names of kernels begin with.
const Prefix = "go:"

// maxChannels is the longest last axis that is taken for the channels of an image.
const maxChannels = 4

// Kernel is one of the built-in functions.
type Kernel struct {
	Name   string // with Prefix
	Doc    string // one line
	Halo   int    // rows that it looks at on each side of a row
	Passes int    // how often it sees the whole input; all but the last only look

	anyShape bool                                // it treats elements one by one and takes any shape
	out      func(image []int) []int             // shape of the output for one image, of the same rows
	outType  func(npy.DType) npy.DType           // of the output
	check    func(image []int) error             // nil, or what else it wants of an image's shape
	run      func(context.Context, *image) error // the last pass over one block
	look     func(context.Context, *image) ([]float64, error)
	merge    func(a, b []float64) []float64 // of what two blocks' look found
	call     *pool.Function[Block, []float64]
	away     *pool.Function[Order, ndarray.Any]
}

// All lists the kernels by name.
func All() []*Kernel { return []*Kernel{gaussian, grayscale, normalise, rowstats, sobel} }

// Lookup finds a kernel by its name, with Prefix. The error wraps ErrNotFound and lists what there is.
func Lookup(name string) (*Kernel, error) {
	var names []string
	for _, k := range All() {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return nil, fmt.Errorf("%s: %w; there are %s", name, ErrNotFound, strings.Join(names, ", "))
}

// Call is the pool function that workers run, one Block a call.
func (k *Kernel) Call() *pool.Function[Block, []float64] { return k.call }

// Merge joins what two blocks of a pass gave; nil is nothing.
func (k *Kernel) Merge(a, b []float64) []float64 {
	if a == nil || b == nil {
		return slices.Concat(a, b)
	}
	return k.merge(a, b)
}

// Plan is how a kernel treats an array.
type Plan struct {
	DType npy.DType // of the output
	Shape []int     // of the output
	Stack bool      // axis 0 counts whole images, which must not be cut; else it counts rows
}

// Plan tells what the output for an array is like. The error wraps ErrInput.
func (k *Kernel) Plan(dtype npy.DType, shape []int) (Plan, error) {
	if !elements.Real(dtype) {
		return Plan{}, fmt.Errorf("%s %w: elements are %s; it takes bool, integers and floats of up to 64 bits", k.Name, ErrInput, dtype)
	}
	p := Plan{DType: k.outType(dtype)}
	if k.anyShape {
		p.Shape = slices.Clone(shape)
		return p, nil
	}
	one := shape
	switch n := len(shape); {
	case n == 2, n == 3 && channels(shape):
	case n == 3, n == 4 && channels(shape):
		p.Stack, one = true, shape[1:]
	default:
		return Plan{}, fmt.Errorf("%s %w: it takes images (H×W, or H×W×C with up to %d channels) and stacks of them, not shape %v", k.Name, ErrInput, maxChannels, shape)
	}
	if k.check != nil {
		if err := k.check(one); err != nil {
			return Plan{}, fmt.Errorf("%s %w: %w", k.Name, ErrInput, err)
		}
	}
	p.Shape = k.out(one)
	if p.Stack {
		p.Shape = slices.Concat(shape[:1], p.Shape)
	}
	return p, nil
}

func channels(shape []int) bool {
	c := shape[len(shape)-1]
	return c >= 1 && c <= maxChannels
}

func same(shape []int) []int { return slices.Clone(shape) }

// wide tells whether float32 would lose digits of a dtype's elements.
func wide(d npy.DType) bool { return d.Kind == 'f' && d.Size == 8 || d.Kind != 'f' && d.Size >= 4 }

var float32Type, float64Type = npy.DType{Kind: 'f', Size: 4}, npy.DType{Kind: 'f', Size: 8}

// working is float32, or float64 for elements that need it: the output of filters.
func working(d npy.DType) npy.DType {
	if wide(d) {
		return float64Type
	}
	return float32Type
}
