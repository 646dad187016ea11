// Package arraymap is the engine of `atrium map`: it runs a function in worker processes over the items, or over blocks of
// rows, of an array on disk and has them write the results straight into a new array, whose file appears whole or not at all.
package arraymap

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/pool"
	"example.com/atrium/progress"
)

// Config says what to run on what.
type Config struct {
	Func string // WHERE:NAME, see ParseFunc
	In   string // a .npy, PNG or JPEG file
	Out  string // the .npy to make
	PNG  string // a picture of it to make too, ""

	Rows int // rows for each call; 0: one item of axis 0 a call, for built-in functions as many rows as make some MiB
	Halo int // rows around those that the function also gets, as many as there are

	Workers int           // processes; 0: one for each core
	Engine  engine.Engine // where to run instead of on this machine: such as cluster.Open gives, made for the same Space
	Inline  bool          // run Go functions in this process instead, one call after the other
	Space   string

	Retries int           // of a call whose worker died
	Timeout time.Duration // of each try
	Skip    bool          // go on when the function fails; what it should have written stays zero
	Force   bool          // replace Out and PNG

	Progress *progress.Tracker
	Notice   func(string)      // told what could be done better; may be nil
	Output   func(pool.Output) // what functions print
}

// Report tells what was done.
type Report struct {
	Func    string    `json:"func"`
	In      Array     `json:"in"`
	Out     Array     `json:"out"`
	PNG     string    `json:"png,omitempty"`
	Shown   string    `json:"shown,omitempty"` // how PNG shows Out
	Unit    string    `json:"unit"`            // of Total: "items", "rows", "images"
	Total   int       `json:"total"`
	Rows    int       `json:"rows"` // of Total's units that a call got
	Halo    int       `json:"halo"`
	Calls   int       `json:"calls"`
	Workers int       `json:"workers"` // 0: in this process
	Skipped []Skipped `json:"skipped"`
	Failed  int       `json:"failed"` // calls; Skipped tells of the first 1000
	Seconds float64   `json:"seconds"`
}

// Array describes one of the arrays.
type Array struct {
	Path  string `json:"path"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	Bytes int    `json:"bytes"`
}

// Skipped is a part of the input that the function failed for.
type Skipped struct {
	First int    `json:"first"` // item, row or image
	Last  int    `json:"last"`
	Error string `json:"error"`
}

// What errors of this package wrap.
var (
	ErrUsage       = errors.New("wrong usage") // what the Config asks for makes no sense
	ErrFunc        = errors.New("no such function")
	ErrCut         = errors.New("the input was cut short while it was read")
	ErrChanged     = errors.New("the input changed while it was read")
	ErrInterrupted = errors.New("interrupted; nothing was written")
)

// maxSkipped is how many failures a Report describes.
const maxSkipped = 1000

func (c Config) check() error {
	switch {
	case c.In == "" || c.Out == "":
		return fmt.Errorf("%w: an input and an output file are needed", ErrUsage)
	case c.Rows < 0 || c.Halo < 0 || c.Workers < 0 || c.Retries < 0 || c.Timeout < 0:
		return fmt.Errorf("%w: rows, halo, workers, retries and timeout cannot be negative", ErrUsage)
	case c.Halo > 0 && c.Rows == 0:
		return fmt.Errorf("%w: --halo needs --rows: it adds rows around each block of rows", ErrUsage)
	case c.PNG != "" && resolve(c.PNG) == resolve(c.Out):
		return fmt.Errorf("%w: the picture and the array would be one file: %s", ErrUsage, c.PNG)
	}
	if err := CheckNPY(c.Out); err != nil {
		return fmt.Errorf("%w; a picture of the result is made too with --png FILE.png", err)
	}
	return CheckPNG(c.PNG)
}

// formats are the endings of names that promise a format.
var formats = []string{".npy", ".npz", ".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp"}

func extension(path string) string { return strings.ToLower(filepath.Ext(path)) }

// CheckNPY refuses a name for a .npy that promises something else.
func CheckNPY(path string) error {
	e := extension(path)
	if e == ".npy" || !slices.Contains(formats, e) {
		return nil
	}
	return fmt.Errorf("%w: what is written is a .npy, not what %s says: name it %s.npy", ErrUsage, path, strings.TrimSuffix(path, filepath.Ext(path)))
}

// CheckPNG is CheckNPY for a picture.
func CheckPNG(path string) error {
	e := extension(path)
	if e == ".png" || !slices.Contains(formats, e) {
		return nil
	}
	return fmt.Errorf("%w: the picture is a PNG, not what %s says: name it %s.png", ErrUsage, path, strings.TrimSuffix(path, filepath.Ext(path)))
}
