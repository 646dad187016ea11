package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/arraymap"
	"example.com/atrium/manager"
	"github.com/spf13/cobra"
)

type serveOptions struct {
	address, authkeyFile      string
	maxMemory, maxMessage     byteSize
	maxClients                int
	releaseLocks, shut, noMD5 bool
	shares                    []string
	python, script            string
	workers                   int
	health                    string
	json                      bool
}

func newServeCommand() *cobra.Command {
	o := serveOptions{maxMessage: 1 << 30}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve shared objects to Python's multiprocessing managers",
		Long: `serve is a manager: stock Python programs connect to it with multiprocessing.managers in place of starting one
of their own, and share lists, dicts, queues and locks through it. It prints the lines of Python that connect,
then it logs to stderr until Ctrl-C or SIGTERM, when it takes no more clients, answers the calls that are under
way, and ends; the objects are gone with it. Ctrl-C a second time ends it at once.

Without --address it listens at a Unix socket in $XDG_RUNTIME_DIR/atrium, or in a directory of yours, 0700, below
/tmp. Clients prove that they have the key in --authkey-file, 0600, or in $ATRIUM_AUTHKEY; without either there
is one made, at random, and kept in a file beside the socket, where clients of this user find it.

With --share programs that do not know each other find an object under a name: 'm.jobs()' is the same Queue for all
with --share jobs=Queue.

Python code that clients name, of functions for m.Pool() above all, runs in processes of --python, and nowhere
without it. --main is the clients' program, so that functions of its __main__ are found.

--health answers over HTTP: /livez, /readyz (503 once it ends), and /metrics for Prometheus.`,
		Example: `  atrium serve
  atrium serve --address tcp:127.0.0.1:5000 --authkey-file key --max-memory 2GiB
  atrium serve --share jobs=Queue --share results=dict --release-locks
  atrium serve --python .venv/bin/python --main train.py
  atrium serve --address unix:/run/app/manager --health 127.0.0.1:9100 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if os.Getpid() == 1 {
				return beInit(cmd.Context())
			}
			return serve(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.address, "address", "a", "", "where to listen: unix:PATH, abstract:NAME or tcp:HOST:PORT")
	f.StringVar(&o.authkeyFile, "authkey-file", "", "file with the key that clients must have")
	f.StringArrayVar(&o.shares, "share", nil, "NAME=TYPE: an object that all clients find as m.NAME(); TYPE is list, dict, Queue, Lock …")
	f.Var(&o.maxMemory, "max-memory", "above it, what adds to an object raises MemoryError; such as 512MiB, 2GiB (default no bound)")
	f.IntVar(&o.maxClients, "max-clients", 4096, "connections at once; a Python thread has one")
	f.Var(&o.maxMessage, "max-message", "longest request; who sends a longer one is disconnected")
	f.BoolVar(&o.releaseLocks, "release-locks", false, "release what a client that ended, or died, had of locks and semaphores")
	f.BoolVar(&o.shut, "allow-shutdown", false, "let clients end the server (the request shutdown of managers)")
	f.BoolVar(&o.noMD5, "refuse-md5", false, "refuse clients that prove the key by MD5: CPython before 3.12")
	f.StringVar(&o.python, "python", "", "interpreter that runs Python code that clients name (default none does)")
	f.StringVar(&o.script, "main", "", "with --python: the script whose functions clients name")
	f.IntVar(&o.workers, "workers", 64, "with --python: processes of all pools together, at most")
	f.StringVar(&o.health, "health", "", "HOST:PORT for /livez, /readyz and /metrics (default none)")
	f.BoolVar(&o.json, "json", false, "print JSON, with keys that stay the same, and log JSON")
	must(cmd.RegisterFlagCompletionFunc("address", cobra.FixedCompletions([]string{"unix:", "abstract:", "tcp:127.0.0.1:"}, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.MarkFlagFilename("main", "py"))
	must(cmd.RegisterFlagCompletionFunc("share", completeShare))
	for _, name := range []string{"max-memory", "max-clients", "max-message", "workers", "health"} {
		must(cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
	return cmd
}

// check tells what of the options makes no sense.
func (o serveOptions) check() error {
	switch {
	case o.maxClients < 1:
		return errors.New("--max-clients: at least 1")
	case o.maxMessage < 1:
		return errors.New("--max-message: at least 1 byte")
	case o.workers < 1:
		return errors.New("--workers: at least 1")
	case o.script != "" && o.python == "":
		return errors.New("--main is for the processes of --python: say which Python, too")
	}
	if o.address != "" {
		if err := connection.CheckAddress(o.address); err != nil {
			return fmt.Errorf("--address: %w", errors.Unwrap(err)) // it says so
		}
	}
	if _, err := parseShares(o.shares); err != nil {
		return err
	}
	if o.health != "" {
		return checkHealth(o.health)
	}
	return nil
}

// drainMost bounds how long calls that compute keep the server from ending. Docker kills after 10 s.
const drainMost = 8 * time.Second

func serve(ctx context.Context, o serveOptions, stdout, stderr io.Writer) error {
	if err := o.check(); err != nil {
		return fmt.Errorf("%w: %w", arraymap.ErrUsage, err)
	}
	if o.address == "" {
		dir, err := ownDir()
		if err != nil {
			return err
		}
		o.address = "unix:" + dir + "/manager"
	}
	key, err := findKey(o.address, o.authkeyFile)
	if err != nil {
		return err
	}
	if o.maxMemory > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(o.maxMemory)) // garbage is not to be what the bound is reached by
	}
	log := newLog(stderr, o.json)
	s, err := manager.Listen(o.address, manager.Config{Authkey: key.bytes, RefuseMD5: o.noMD5, MaxMessage: int(o.maxMessage), MaxClients: o.maxClients,
		MaxMemory: int64(o.maxMemory), ReleaseLocks: o.releaseLocks, AllowShutdown: o.shut, Python: o.python, Main: o.script, MaxWorkers: o.workers,
		Log: log.client})
	switch {
	case errors.Is(err, connection.ErrInUse):
		return fmt.Errorf("%w; 'atrium ls' lists managers, and --address chooses another place", err)
	case err != nil:
		return err
	}
	shares, err := share(s, o.shares)
	var h *health
	if err == nil {
		h, err = listenHealth(o.health, s, log.Logger)
	}
	if err == nil {
		defer h.close()
		err = printServed(stdout, o.json, served{s.Addr(), key.path, os.Getpid(), h.addr(), shares})
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	defer register(managerFile{1, s.Addr(), key.path}, log)()
	about := []any{"address", s.Addr(), "pid", os.Getpid()}
	if h.addr() != "" {
		about = append(about, "health", "http://"+h.addr())
	}
	log.Info("serving", about...)
	warnOfFiles(o.maxClients, log)
	tellSystemd("READY=1", log)
	return log.ended(s, attend(ctx, s, h, log))
}

// attend serves until ctx ends or a client ends it. What computes then is waited for, but not for ever.
func attend(ctx context.Context, s *manager.Server, h *health, log *serverLog) error {
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	select {
	case err := <-ended:
		if ctx.Err() == nil {
			log.Info("ended by a client")
			return err
		}
		ended <- err
	case <-ctx.Done():
	}
	h.drain()
	tellSystemd("STOPPING=1", log)
	log.Info("draining: no more clients, calls under way are answered")
	select {
	case <-ended: // with why, which we know
		return s.Close()
	case <-time.After(drainMost):
		return fmt.Errorf("calls were still computing %v after the signal to end, and are cut off", drainMost)
	}
}
