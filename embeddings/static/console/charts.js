// Draws each <canvas data-chart="id"> from the JSON in the script element with that id: at first,
// when htmx has brought others, and when light and dark change.
(() => {
    const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 4]];
    const drawn = new Map();

    const number = (digits, options = {}) =>
        new Intl.NumberFormat("en", { maximumSignificantDigits: digits, ...options });
    const plain = number(3, { notation: "compact" });
    const share = number(3, { style: "percent" });
    const bytes = (value) => {
        const size = value < 1 ? 0 : Math.min(4, Math.floor(Math.log2(Math.abs(value)) / 10));
        return `${number(3).format(value / 1024 ** size)} ${["B", "KiB", "MiB", "GiB", "TiB"][size]}`;
    };
    const WRITTEN = {
        count: (value) => plain.format(value),
        cost: (value) => number(4).format(value),
        rate: (value) => `${plain.format(value)}/s`,
        share: (value) => share.format(value),
        seconds: (value) =>
            value < 1 ? `${number(3).format(value * 1000)} ms` : `${number(3).format(value)} s`,
        bytes,
    };

    // Round numbers of bytes are powers of two, which the steps that Chart.js chooses are not.
    const stepOf = (data) => {
        const most = Math.max(...data.lines.flatMap((line) => line.values.map(Number)));
        return data.unit === "bytes" && most > 0 ? 2 ** Math.ceil(Math.log2(most / 5)) : undefined;
    };

    // Of console.css, which has them for light and for dark.
    const colour = (name) =>
        getComputedStyle(document.documentElement).getPropertyValue(`--chart-${name}`).trim();

    // No line leads to it, nor from it.
    const standsAlone = (values, at) =>
        (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;

    const dataset = (data, line, index) => ({
        label: line.label,
        data: line.values,
        borderColor: colour((index % 6) + 1),
        backgroundColor: colour((index % 6) + 1),
        borderDash: data.bars ? [] : DASHES[index % 6],
        borderWidth: data.bars ? 0 : 2,
        borderRadius: data.bars ? 3 : 0,
        maxBarThickness: 40,
        pointRadius: line.values.map((_, at) => (standsAlone(line.values, at) ? 3 : 0)),
        pointHitRadius: 8,
        tension: 0,
    });

    const options = (data) => {
        const written = WRITTEN[data.unit];
        const font = { family: "Inter", size: 12 };
        const ticks = { color: colour("text"), font };
        const points = {
            stacked: data.stacked,
            border: { color: colour("grid") },
            grid: { display: false },
            ticks: { ...ticks, maxRotation: 0, autoSkipPadding: 16, autoSkip: !data.named },
        };
        const values = {
            stacked: data.stacked,
            beginAtZero: true,
            border: { display: false },
            grid: { color: colour("grid") },
            ticks: {
                ...ticks,
                maxTicksLimit: 6,
                stepSize: stepOf(data),
                callback: (value) => written(value),
            },
        };
        return {
            indexAxis: data.named ? "y" : "x",
            animation: false,
            responsive: true,
            maintainAspectRatio: false,
            interaction: { mode: "index", axis: data.named ? "y" : "x", intersect: false },
            plugins: {
                legend: {
                    display: data.lines.length > 1,
                    align: "start",
                    labels: { color: colour("text"), font, boxWidth: 24, boxHeight: 2 },
                },
                tooltip: {
                    callbacks: {
                        label: (item) => `${item.dataset.label}: ${written(item.raw)}`,
                    },
                },
            },
            scales: data.named ? { x: values, y: points } : { x: points, y: values },
        };
    };

    const drawOne = (canvas) => {
        const data = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
        const chart = new Chart(canvas, {
            type: data.bars ? "bar" : "line",
            data: {
                labels: data.labels,
                datasets: data.lines.map((line, index) => dataset(data, line, index)),
            },
            options: options(data),
        });
        drawn.set(canvas, chart);
    };

    const forget = (isOver) => {
        for (const [canvas, chart] of drawn) {
            if (isOver(canvas)) {
                chart.destroy();
                drawn.delete(canvas);
            }
        }
    };

    const draw = () => {
        forget((canvas) => !canvas.isConnected);
        for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
            if (!drawn.has(canvas)) drawOne(canvas);
        }
    };

    const drawAnew = () => {
        forget(() => true);
        draw();
    };

    document.addEventListener("DOMContentLoaded", () => {
        draw();
        document.body.addEventListener("htmx:afterSwap", draw);
        new MutationObserver(drawAnew).observe(document.documentElement, {
            attributes: true,
            attributeFilter: ["class"],
        });
    });
})();
