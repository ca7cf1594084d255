package admin

import "net/http"

// Endpoints lists every pattern that needs the operators' token.
func Endpoints() []string {
	var all []string
	(&server{}).routes(func(pattern string, _ handler) { all = append(all, pattern) })
	return all
}

// NewSmall is New with another bound on binaries.
func NewSmall(c Config, maxBinary int64) (http.Handler, error) { return assemble(c, maxBinary) }

// RouteOf is the label of a path.
func RouteOf(path string) string { return routeOf(path) }
