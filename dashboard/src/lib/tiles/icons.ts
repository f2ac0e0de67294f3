import AppWindow from '@lucide/svelte/icons/app-window';
import ChartLine from '@lucide/svelte/icons/chart-line';
import Container from '@lucide/svelte/icons/container';
import Notebook from '@lucide/svelte/icons/notebook-text';
import Workflow from '@lucide/svelte/icons/workflow';

const icons: Record<string, typeof AppWindow> = {
  jupyterhub: Notebook,
  argo: Workflow,
  harbor: Container,
  grafana: ChartLine,
};

/** The picture of a tool, by its name. */
export const iconOf = (name: string): typeof AppWindow => icons[name] ?? AppWindow;
