package manager

import (
	"errors"
	"fmt"

	"example.com/atrium/pickle"
)

// read decodes a request. Proxies in it are resolved.
func (s *Server) read(msg []byte) (any, error) {
	v, err := pickle.Decoder{Limits: s.conf.limits(), Share: true}.Decode(msg)
	if err != nil {
		return nil, raiseWith("_pickle", "UnpicklingError", err.Error())
	}
	return s.resolve(msg, v)
}

// request takes a request apart.
func request(v any) (ident any, method string, args []any, kwds *pickle.Dict, err error) {
	parts, ok := sequence(v)
	switch {
	case !ok:
		return nil, "", nil, nil, typeError("cannot unpack non-iterable %s object", typeName(v))
	case len(parts) < 4:
		return nil, "", nil, nil, valueError("not enough values to unpack (expected 4, got %d)", len(parts))
	case len(parts) > 4:
		return nil, "", nil, nil, valueError("too many values to unpack (expected 4)")
	}
	method, ok = parts[1].(string)
	if !ok {
		return nil, "", nil, nil, typeError("a method's name is a str, not %s", typeName(parts[1]))
	}
	if args, ok = sequence(parts[2]); !ok {
		return nil, "", nil, nil, typeError("argument after * must be an iterable, not %s", typeName(parts[2]))
	}
	if kwds, ok = parts[3].(*pickle.Dict); !ok {
		return nil, "", nil, nil, typeError("argument after ** must be a mapping, not %s", typeName(parts[3]))
	}
	for k := range kwds.All() {
		if _, ok := k.(string); !ok {
			return nil, "", nil, nil, typeError("keywords must be strings")
		}
	}
	return parts[0], method, args, kwds, nil
}

func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case pickle.Tuple:
		return v, true
	case *pickle.List:
		return v.Items, true
	}
	return nil, false
}

// control answers the first request of a connection, which is to the server itself. serves is true when the client calls methods from
// now on.
func (c *session) control(msg []byte) (name string, serves bool, reply []byte) {
	defer c.settle()
	defer func() {
		if r := recover(); r != nil {
			c.server.conf.Log(c.conn.RemoteAddr(), fmt.Errorf("panic: %v", r))
			serves, reply = false, c.pack(msg, "#TRACEBACK", c.traceback("a mistake in the manager", raise("SystemError", "%v", r)))
		}
	}()
	asked, err := c.server.read(msg)
	var v any
	if err == nil {
		var function string
		var args []any
		var kwds *pickle.Dict
		if _, function, args, kwds, err = request(asked); err == nil {
			if function == "accept_connection" {
				serves = true
			}
			v, err = c.function(function, &call{server: c.server, client: c, method: function, args: args, kwds: kwds}, len(msg))
		}
	}
	var e *exception
	switch {
	case errors.As(err, &e) && e.trace != "": // of a Go function: the client raises it itself
		return "", false, c.pack(msg, "#ERROR", exceptionOf(err))
	case err != nil:
		return "", false, c.pack(msg, "#TRACEBACK", c.traceback("a request to the manager", err))
	}
	if serves {
		name, v = v.(string), nil
	}
	return name, serves, c.pack(msg, "#RETURN", v)
}

// functions are what clients ask the server itself for, with their parameters.
var functions = map[string]signature{
	"dummy":             function(),
	"#ATRIUM":           function(),
	"incref":            function(need("ident")),
	"decref":            function(need("ident")),
	"accept_connection": function(need("name")),
	"get_methods":       function(need("token")),
	"number_of_objects": function(),
	"debug_info":        function(),
	"shutdown":          function(),
	"track_segment":     function(need("segment_name")),
	"release_segment":   function(need("segment_name")),
	"list_segments":     function(),
	statusName:          function(optional("objects", int64(statusObjects))),
}

func (c *session) function(name string, called *call, size int) (any, error) {
	t := c.server.objects
	if name == "create" {
		return c.create(called, size)
	}
	takes, ok := functions[name]
	if !ok {
		return nil, raise("AssertionError", "%s unrecognized", pickle.ReprMax(name, mostText))
	}
	if err := takes.bind("Server", name, called); err != nil {
		return nil, err
	}
	switch name {
	case "incref":
		return nil, t.incref(called.args[0], c.process)
	case "decref":
		return nil, t.decref(called.args[0], c.process)
	case "get_methods":
		return t.methodsOf(called.args[0])
	case "number_of_objects":
		return t.number(), nil
	case "debug_info":
		return t.info(), nil
	case "accept_connection":
		s, ok := called.args[0].(string)
		if !ok {
			s = pickle.ReprMax(called.args[0], mostText)
		}
		return firstRunes(s, mostText), nil
	case "track_segment":
		return nil, c.server.segments.track(called.args[0])
	case "release_segment":
		return nil, c.server.segments.release(called.args[0])
	case "list_segments":
		return c.server.segments.list(), nil
	case statusName:
		return c.server.statusOf(called)
	case "shutdown":
		if !c.server.conf.AllowShutdown {
			return nil, raise("PermissionError", "this manager is not stopped by clients: see Config.AllowShutdown")
		}
		c.server.stop(errClosing)
	}
	return nil, nil // dummy, and #ATRIUM, which only this manager knows
}

// create makes an object, with a reference of the client's.
func (c *session) create(called *call, size int) (any, error) {
	if len(called.args) == 0 {
		return nil, typeError("Server.create() missing 1 required positional argument: 'typeid'")
	}
	typeid := called.args[0]
	called.args = called.args[1:]
	name, _ := typeid.(string)
	k := c.server.kinds[name]
	if k != nil && k.shared != nil {
		if len(called.args)+called.kwds.Len() > 0 {
			return nil, typeError("%s() takes no arguments (%d given)", name, len(called.args)+called.kwds.Len())
		}
		return pickle.Tuple{k.shared.ident, k.shared.kind.list()}, c.server.objects.incref(k.shared.ident, c.process)
	}
	if k == nil || k.create == nil {
		return nil, keyError(typeid)
	}
	if c.server.memory.full(size) {
		return nil, memoryFull()
	}
	inst, err := k.create(called)
	if err != nil {
		return nil, err
	}
	o := c.server.objects.add(k, inst, c.process)
	return pickle.Tuple{o.ident, k.list()}, nil
}

// list is exposed as clients get it.
func (k *kind) list() pickle.Tuple {
	t := make(pickle.Tuple, len(k.exposed))
	for i, m := range k.exposed {
		t[i] = m
	}
	return t
}
