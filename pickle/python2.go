package pickle

// Protocols 0 to 2 are shared with Python 2, and use its names for what has moved since (CPython: Lib/_compat_pickle.py).
var (
	moved = map[string]string{
		"__builtin__":    "builtins",
		"ConfigParser":   "configparser",
		"Cookie":         "http.cookies",
		"HTMLParser":     "html.parser",
		"Queue":          "queue",
		"SocketServer":   "socketserver",
		"StringIO":       "io",
		"UserDict":       "collections",
		"UserList":       "collections",
		"UserString":     "collections",
		"cPickle":        "pickle",
		"cStringIO":      "io",
		"cookielib":      "http.cookiejar",
		"copy_reg":       "copyreg",
		"dummy_thread":   "_dummy_thread",
		"exceptions":     "builtins",
		"htmlentitydefs": "html.entities",
		"httplib":        "http.client",
		"repr":           "reprlib",
		"robotparser":    "urllib.robotparser",
		"thread":         "_thread",
		"urllib2":        "urllib.request",
		"urlparse":       "urllib.parse",
		"xmlrpclib":      "xmlrpc.client",
		"whichdb":        "dbm",
		"anydbm":         "dbm",
	}
	renamed = map[Class]Class{
		{"__builtin__", "xrange"}:              {"builtins", "range"},
		{"__builtin__", "unicode"}:             {"builtins", "str"},
		{"__builtin__", "long"}:                {"builtins", "int"},
		{"__builtin__", "unichr"}:              {"builtins", "chr"},
		{"__builtin__", "reduce"}:              {"functools", "reduce"},
		{"__builtin__", "intern"}:              {"sys", "intern"},
		{"itertools", "imap"}:                  {"builtins", "map"},
		{"itertools", "izip"}:                  {"builtins", "zip"},
		{"itertools", "ifilter"}:               {"builtins", "filter"},
		{"itertools", "izip_longest"}:          {"itertools", "zip_longest"},
		{"itertools", "ifilterfalse"}:          {"itertools", "filterfalse"},
		{"UserDict", "IterableUserDict"}:       {"collections", "UserDict"},
		{"exceptions", "StandardError"}:        {"builtins", "Exception"},
		{"multiprocessing.process", "Process"}: {"multiprocessing.context", "Process"},
	}
	// back holds what has one name in Python 2 by which both find it.
	back = map[Class]Class{
		{"builtins", "range"}:   {"__builtin__", "xrange"},
		{"builtins", "str"}:     {"__builtin__", "unicode"},
		{"builtins", "int"}:     {"__builtin__", "long"},
		{"builtins", "chr"}:     {"__builtin__", "unichr"},
		{"functools", "reduce"}: {"__builtin__", "reduce"},
		{"sys", "intern"}:       {"__builtin__", "intern"},
		{"builtins", "map"}:     {"itertools", "imap"},
		{"builtins", "zip"}:     {"itertools", "izip"},
		{"builtins", "filter"}:  {"itertools", "ifilter"},
	}
	backModules = map[string]string{"builtins": "__builtin__", "copyreg": "copy_reg", "queue": "Queue", "_thread": "thread"}
)

func fromPython2(c Class) Class {
	if d, ok := renamed[c]; ok {
		return d
	}
	if module, ok := moved[c.Module]; ok {
		c.Module = module
	}
	return c
}

func toPython2(c Class) Class {
	if d, ok := back[c]; ok {
		return d
	}
	if module, ok := backModules[c.Module]; ok {
		c.Module = module
	}
	return c
}
