# Two log-log pictures side by side, time and memory against one size. Needs points, axis and what (growth.sh).
set terminal svg noenhanced size 900,380 font "sans,11" background "white"
set datafile separator ","
set multiplot layout 1,2
set logscale xy
set grid
set mxtics 1
set mytics 1
set border 3
set tics nomirror
set key top left
set format x "%.0s%c"
set xlabel what
of(threads) = "< awk -F, '$1 == \"".axis."\" && $3 == ".threads."' '".points."'"

set format y "%.0s %cs"
set title "time"
plot of(1) using 2:4 with linespoints lw 2 pt 7 ps 0.5 title "1 thread", \
     of(2) using 2:4 with linespoints lw 2 pt 7 ps 0.5 title "2 threads"
set format y "%.0s %cB"
set title "memory at most"
plot of(1) using 2:6 with linespoints lw 2 pt 7 ps 0.5 title "process", \
     of(1) using 2:5 with linespoints lw 2 pt 7 ps 0.5 title "tensors"
