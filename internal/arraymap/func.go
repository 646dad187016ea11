package arraymap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"example.com/atrium/internal/kernel"
	"example.com/atrium/process"
)

// Func is a function that can be mapped.
type Func struct {
	Text    string // as it was given
	Kernel  *kernel.Kernel
	Program string // Go program that has the function; "" for kernels and Python
	Name    string // in that program, or "module:function" of Python
	Module  string // of Python, or a .py file
}

// ParseFunc reads WHERE:NAME: "go:NAME" is a built-in function, "FILE.py:NAME" and "MODULE:NAME" Python functions, "PATH/PROGRAM:NAME"
// a function that a Go program registers with pool.Func. Files are looked at, nothing is run. The error wraps ErrFunc, kernel.ErrNotFound
// or ErrUsage.
func ParseFunc(text string) (Func, error) {
	i := strings.LastIndexByte(text, ':')
	if i <= 0 || i == len(text)-1 {
		return Func{}, fmt.Errorf("%w: %q names no function: write WHERE:NAME, such as go:sobel (built in), filters.py:denoise or numpy:sqrt (Python), ./program:name (Go)", ErrUsage, text)
	}
	where, name := text[:i], text[i+1:]
	f := Func{Text: text, Name: name}
	if where == "go" {
		var err error
		if f.Kernel, err = kernel.Lookup(text); err != nil {
			return Func{}, err
		}
		return f, nil
	}
	python := strings.HasSuffix(where, ".py")
	st, err := os.Stat(where)
	switch {
	case python && errors.Is(err, fs.ErrNotExist):
		return Func{}, fmt.Errorf("%w: %s: the file %s does not exist", ErrFunc, text, where)
	case python && err == nil && !st.Mode().IsRegular():
		return Func{}, fmt.Errorf("%w: %s: %s is not a file", ErrFunc, text, where)
	case python || !strings.ContainsRune(where, filepath.Separator):
		f.Name, f.Module = text, where
		return f, nil
	case errors.Is(err, fs.ErrNotExist):
		return Func{}, fmt.Errorf("%w: %s: the program %s does not exist; build it first: go build -o %s ./PACKAGE", ErrFunc, text, where, where)
	case err != nil:
		return Func{}, fmt.Errorf("%w: %s: %w", ErrFunc, text, err)
	case !st.Mode().IsRegular() || st.Mode()&0o111 == 0:
		return Func{}, fmt.Errorf("%w: %s: %s is neither a program (an executable file) nor a .py file", ErrFunc, text, where)
	}
	f.Program, err = filepath.Abs(where)
	return f, err
}

// hint tells what to do when Python workers do not start because of err, or of the slip that is likeliest.
func (f Func) hint(err error) string {
	if f.Module != "" && strings.Contains(err.Error(), "No module named 'numpy'") {
		if python, err := process.Interpreter(""); err == nil {
			return fmt.Sprintf(" in %s: install it there (%s -m pip install numpy), or choose another Python with ATRIUM_PYTHON", python, python)
		}
	}
	if f.Module == "" || strings.HasSuffix(f.Module, ".py") {
		return ""
	}
	if st, err := os.Stat(f.Module); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
		return fmt.Sprintf("; there is a program of that name here: for its function write ./%s", f.Text)
	}
	if _, err := os.Stat(f.Module + ".py"); err == nil {
		return fmt.Sprintf("; there is a file of that name here: write %s.py:%s", f.Module, f.Text[len(f.Module)+1:])
	}
	return ""
}
