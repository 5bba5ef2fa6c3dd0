// Package incidents holds the commands of an operator to real consumers, on each engine:
// one that is stuck, slow, idle, killed, stopped, rewound by hand or paused. Status, top on
// a terminal, and the page must say so.
package incidents
